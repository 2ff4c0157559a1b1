/** Imports that end early go on: the same bytes as without a disturbance, and nothing is left behind. */
import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { temporaryFolder } from '../../../../test/support/temporary-folder.js';
import type { ProgressEvent } from '../../base/context.js';
import { RobleError } from '../../base/errors.js';
import { Random } from '../../base/random.js';
import { sha256 } from '../../base/storage/durable.js';
import { exists } from '../../base/storage/files.js';
import { encodePlainPng } from '../../image/png.js';
import { preprocessingSchema } from '../../image/settings.js';
import { type ImportOptions, importDataset } from './import.js';

const COUNT = 1200;
const shape = { width: 9, height: 9, channels: 3 } as const;
const preprocessing = preprocessingSchema.parse({ width: 8, height: 8 });
const random = new Random(1, 'augment');
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
const at = (...names: string[]) => join(folder.path, ...names);

/** All of one size and time, as archives give it to their files. */
async function putPicture(number: number): Promise<void> {
  const pixels = Uint8Array.from({ length: 243 }, () => Math.floor(random.float() * 256));
  const path = at('in', `class-${number % 3}`, `${number}.png`);
  await writeFile(path, encodePlainPng(pixels, shape));
  await utimes(path, 1e9, 1e9);
}

beforeAll(async () => {
  folder = await temporaryFolder('import');
  for (let one = 0; one < 3; one++) await mkdir(at('in', `class-${one}`), { recursive: true });
  for (let number = 0; number < COUNT; number++) await putPicture(number);
});
afterAll(() => folder.remove());

const optionsFor = (out: string): ImportOptions => ({
  sources: [at('in')],
  out: at(out, 'set'),
  preprocessing,
  workers: 1,
});

async function contentOf(out: string): Promise<Record<string, string>> {
  const names = await readdir(at(out, 'set'));
  const hashed = names.sort().map(async (name) => [name, sha256(await readFile(at(out, 'set', name)))]);
  return Object.fromEntries(await Promise.all(hashed));
}

/** What a fresh import gives of the pictures as they are now. */
async function undisturbed(): Promise<Record<string, string>> {
  await rm(at('fresh'), { recursive: true, force: true });
  await importDataset(optionsFor('fresh'));
  return contentOf('fresh');
}

/** An import that is interrupted when it has a thousand pictures. */
async function interrupted(out: string): Promise<RobleError> {
  const stop = new AbortController();
  const report = ({ type }: ProgressEvent) =>
    type === 'progress' && stop.abort(new RobleError('ROBLE_INTERRUPTED', 'Stop.'));
  const context = { signal: stop.signal, reporter: { report } };
  return importDataset(optionsFor(out), context).then(
    () => expect.fail('it was not interrupted'),
    (error) => error,
  );
}

async function goOn(options: ImportOptions): Promise<{ resumed: number; said: string[] }> {
  const said: string[] = [];
  const report = (event: ProgressEvent) => 'message' in event && said.push(event.message);
  const { resumed } = await importDataset(options, { reporter: { report } });
  return { resumed, said };
}

it('goes on after any kill, to the bytes of an import that nobody killed', async () => {
  const expected = await undisturbed();
  const built = (name: string) => JSON.stringify(new URL(`../../../../dist/core/${name}`, import.meta.url));
  const script = `
    import { existsSync } from 'node:fs';
    import { dirname, join } from 'node:path';
    const { importDataset } = await import(${built('data/import-export/import.js')});
    const { readImageFolder } = await import(${built('data/formats/image-folder.js')});
    const [options, killedAt] = JSON.parse(process.argv[2]);
    const [path] = options.sources;
    const kill = () => process.kill(process.pid, 'SIGKILL');
    const read = async function* () {
      let number = 0;
      for await (const item of readImageFolder(path, {})) {
        if (number++ === killedAt) kill();
        yield item;
      }
    };
    const written = join(dirname(options.out), '.set.import/data/train-00000.images');
    const look = () => existsSync(written) ? kill() : setImmediate(look);
    if (killedAt === 'writing') look();
    const { resumed } = await importDataset({ ...options, sources: [{ name: 'in', read }] });
    process.stdout.write(String(resumed));`;
  await writeFile(at('import.mjs'), script);
  const run = async (killedAt: number | string) =>
    promisify(execFile)(process.execPath, [
      at('import.mjs'),
      JSON.stringify([{ ...optionsFor('killed'), workers: 2 }, killedAt]),
    ]);
  const places = [Math.floor(random.float() * COUNT), Math.floor(random.float() * COUNT), 'writing'] as const;
  for (const place of places) {
    await expect(run(place)).rejects.toMatchObject({ signal: 'SIGKILL' });
    expect(await exists(at('killed', 'set'))).toBe(false);
  }
  const { stdout } = await run('never');
  // The last kill came when all pictures were decoded, of which those after the last full chunk were not written down.
  expect(Number(stdout)).toBe(COUNT - (COUNT % 256));
  expect(await contentOf('killed')).toEqual(expected);
  expect(await readdir(at('killed'))).toEqual(['set']);
});

it('goes on after Ctrl-C, says so, and leaves nothing when it is complete', async () => {
  const expected = await undisturbed();
  const error = await interrupted('stopped');
  expect(error).toMatchObject({ code: 'ROBLE_INTERRUPTED' });
  expect(error.details.nextSteps).toEqual([expect.stringContaining(at('stopped', '.set.import'))]);
  expect(await readdir(at('stopped'))).toEqual(['.set.import']);
  const { resumed, said } = await goOn(optionsFor('stopped'));
  expect(resumed).toBeGreaterThanOrEqual(768);
  expect(said).toEqual([expect.stringContaining(`${resumed} pictures`)]);
  expect(await contentOf('stopped')).toEqual(expected);
  expect(await readdir(at('stopped'))).toEqual(['set']);
});

it('decodes again what was changed, added, damaged or torn in between', async () => {
  await interrupted('changed');
  for (const number of [0, 3, 4]) await putPicture(number);
  await rm(at('in', 'class-1', '1.png'));
  await putPicture(COUNT + 1);
  const work = at('changed', '.set.import');
  const pixels = await readFile(join(work, 'pixels'));
  pixels[64 * 100 + 5]! ^= 1;
  await writeFile(join(work, 'pixels'), pixels);
  const journal = await readFile(join(work, 'journal.jsonl'));
  await writeFile(join(work, 'journal.jsonl'), journal.subarray(0, journal.length - 20));
  // Without the settings, the torn line, and what follows the last line.
  const kept = journal.toString().split('\n').length - 3;
  const { resumed } = await goOn(optionsFor('changed'));
  // Three changed, one removed, one damaged.
  expect(resumed).toBe(kept - 5);
  expect(await contentOf('changed')).toEqual(await undisturbed());
});

it('begins again with other settings of the pixels, and says which', async () => {
  await interrupted('other');
  const options = { ...optionsFor('other'), preprocessing: { ...preprocessing, invert: true } };
  const { resumed, said } = await goOn(options);
  expect(resumed).toBe(0);
  expect(said).toEqual([expect.stringMatching(/other settings \(invert\)/)]);
  await importDataset({ ...options, out: at('inverted', 'set') });
  expect(await contentOf('other')).toEqual(await contentOf('inverted'));
});

it('goes on with other labels, splits and sources, and after an error', async () => {
  const strict = { ...optionsFor('strict'), strict: true };
  await writeFile(at('in', 'class-2', 'zz.png'), 'no picture');
  await expect(importDataset(strict)).rejects.toMatchObject({
    details: { nextSteps: [expect.stringContaining('.set.import')] },
  });
  await rm(at('in', 'class-2', 'zz.png'));
  const { resumed } = await goOn({ ...strict, seed: 5, split: { ratios: { train: 0.5, test: 0.5 } } });
  expect(resumed).toBeGreaterThanOrEqual(768);
});

it('does not trust the time of a file that has only just changed', async () => {
  const now = Date.now() / 1000 + 60;
  for (const name of await readdir(at('in'), { recursive: true }))
    if (name.endsWith('.png')) await utimes(at('in', name), now, now);
  await interrupted('young');
  expect(await exists(at('young'))).toBe(false);
});

it('has one import at a time for an output', async () => {
  const both = await Promise.allSettled([
    importDataset(optionsFor('twice')),
    importDataset(optionsFor('twice')),
  ]);
  const refused = both.flatMap((one) => (one.status === 'rejected' ? [one.reason.code] : []));
  expect(refused).toEqual(['ROBLE_FOLDER_LOCKED']);
});
