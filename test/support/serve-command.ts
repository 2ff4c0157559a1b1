import { join } from 'node:path';
import { execa } from 'execa';
import { expect } from 'vitest';

const CLI = join(import.meta.dirname, '../../bin/run.js');

export interface ServeCommand {
  readonly child: ReturnType<typeof spawnServe>;
  /** Where it answers predictions. */
  readonly url: string;
  /** What it wrote so far. */
  readonly output: string;
}

/** `roble serve` on a free port, as a process of its own, when it says where it listens. */
export async function startServeCommand(
  words: readonly string[],
  cwd: string,
  env: Readonly<Record<string, string>> = {},
): Promise<ServeCommand> {
  const child = spawnServe(words, cwd, env);
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk) => {
      output += chunk;
    });
  const url = () => /at (http:\S+)/.exec(output)?.[1];
  await expect.poll(url, { timeout: 120_000 }).toBeTruthy();
  return {
    child,
    url: url()!,
    get output() {
      return output;
    },
  };
}

function spawnServe(words: readonly string[], cwd: string, env: Readonly<Record<string, string>>) {
  return execa(process.execPath, [CLI, 'serve', '--port', '0', ...words], { reject: false, cwd, env });
}
