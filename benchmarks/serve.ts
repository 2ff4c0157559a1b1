/**
 * Requests per second of `POST /predict` with each kind of picture that people send, by `roble serve` with one inference
 * process and with one for each core, beside FastAPI with ONNX Runtime in one process and in one for each core. Every server,
 * and the load generator (Debian's `wrk`), is a process of its own on this machine and shares its processors. No cache.
 *
 *   npm run bench:serve -- [--clients 1,32] [--seconds 3] [--rivals FOLDER] [--rounds 5] [--json FILE]
 */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import {
  PICTURE_KINDS,
  type PictureMaker,
  pictureMakers,
} from '../src/core/operations/load-test/pictures.js';
import { benchmark, contest } from './contest.js';
import { type Served, serveFastApi, serveRoble } from './served.js';
import { writeServedBundle } from './served-bundle.js';

/** Different pictures of a kind. */
const PICTURES = 500;
const cores = availableParallelism();
const WITHOUT_CACHE = { ROBLE_SERVE_CACHE_MEMORY_BYTES: '0' };

await benchmark({ clients: '1,32', seconds: '3' }, async function* (words, { rivals, rounds }) {
  const folder = await mkdtemp(join(tmpdir(), 'roble-bench-'));
  const model = await writeServedBundle(join(folder, 'model'));
  const settings = ['--model', model, '--predictions', 'none'];
  const own = [
    await serveRoble('roble, 1 worker', [...settings, '--workers', '1'], WITHOUT_CACHE),
    await serveRoble(`roble, ${cores} workers`, [...settings, '--workers', `${cores}`], WITHOUT_CACHE),
  ];
  const others = rivals
    ? [
        await serveFastApi(`FastAPI, 1 process, ${cores} threads`, rivals, model, 1, cores),
        await serveFastApi(`FastAPI, ${cores} processes`, rivals, model, cores, 1),
      ]
    : [];
  try {
    const makers = await pictureMakers({ width: 28, height: 28 }, 1);
    for (const kind of PICTURE_KINDS) {
      const bodies = await writeBodies(join(folder, 'bodies'), makers[kind]);
      for (const clients of words.clients.split(',')) {
        const contestant = ({ name, url }: Served) => ({
          name,
          rate: () => requestsPerSecond(url, bodies, clients, words.seconds),
        });
        yield await contest({
          task: 'POST /predict',
          input: `${kind}, ${clients} ${clients === '1' ? 'client' : 'clients'}`,
          unit: 'requests/s',
          rounds,
          own: own.map(contestant),
          rivals: others.map(contestant),
        });
      }
    }
  } finally {
    for (const server of [...own, ...others]) await server.stop();
    await rm(folder, { recursive: true });
  }
});

/** The pictures as wrk's script reads them. */
async function writeBodies(file: string, picture: PictureMaker): Promise<string> {
  const lines = Array.from({ length: PICTURES }, (_, index) => picture(index).toString('hex'));
  await writeFile(file, `${lines.join('\n')}\n`);
  return file;
}

async function requestsPerSecond(
  url: string,
  bodies: string,
  clients: string,
  seconds: string,
): Promise<number> {
  const script = fileURLToPath(new URL('./post.lua', import.meta.url));
  const { stdout } = await promisify(execFile)(
    'wrk',
    ['-t1', `-c${clients}`, `-d${seconds}s`, '--timeout', '30s', '-s', script, `${url}/predict`],
    { env: { ...process.env, BODIES: bodies } },
  );
  const rate = Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1]);
  if (!(rate > 0) || /Non-2xx|Socket errors/.test(stdout))
    throw new Error(`${url} did not answer: ${stdout}`);
  return rate;
}
