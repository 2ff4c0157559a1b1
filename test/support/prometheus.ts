import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from './free-port.js';

/** A real Prometheus on a free port. */
export interface TestPrometheus {
  readonly url: string;
  /** The values of an expression now. */
  query(expression: string): Promise<number[]>;
  stop(): Promise<void>;
}

/**
 * Starts one that scrapes each job once a second.
 *
 * @param folder for its settings and data
 * @param jobs the address of each target by the name of its job
 */
export async function startPrometheus(
  folder: string,
  jobs: Readonly<Record<string, string>>,
): Promise<TestPrometheus> {
  const scrapes = Object.entries(jobs).map(([job, url]) => ({
    job_name: job,
    static_configs: [{ targets: [new URL(url).host] }],
  }));
  const file = join(folder, 'prometheus.yml');
  const settings = { global: { scrape_interval: '1s', scrape_timeout: '1s' }, scrape_configs: scrapes };
  await writeFile(file, JSON.stringify(settings));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const child = spawn(
    'prometheus',
    [
      `--config.file=${file}`,
      `--storage.tsdb.path=${join(folder, 'prometheus')}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ],
    { stdio: 'ignore' },
  );
  const ended = once(child, 'exit');
  return {
    url,
    async query(expression) {
      const answer = await fetch(`${url}/api/v1/query?query=${encodeURIComponent(expression)}`).catch(
        () => null,
      );
      // Until it listens, it has no values.
      if (!answer?.ok) return [];
      const { data } = (await answer.json()) as { data: { result: { value: [number, string] }[] } };
      return data.result.map(({ value }) => Number(value[1]));
    },
    async stop() {
      child.kill('SIGTERM');
      await ended;
    },
  };
}
