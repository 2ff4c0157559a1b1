/**
 * Pictures per second of `data:import`, the whole command: small RGB PNGs and photographs in class folders, read, decoded, written
 * and synced, beside Pillow in a process for each core, which keeps the pixels in memory.
 *
 *   npm run bench:import -- [--pngs 12000] [--jpegs 1000] [--rivals FOLDER] [--rounds 5] [--json FILE]
 */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type PictureKind, pictureMakers } from '../src/core/operations/load-test/pictures.js';
import { benchmark, contest } from './contest.js';
import { startRounds } from './rivals.js';

const CLI = fileURLToPath(new URL('../bin/run.js', import.meta.url));
const CLASSES = 10;
const cores = availableParallelism();

await benchmark({ pngs: '12000', jpegs: '1000' }, async function* (words, { rivals, rounds }) {
  const folder = await mkdtemp(join(tmpdir(), 'roble-bench-'));
  const inputs: [PictureKind, string, number][] = [
    ['RGB PNG', 'png', Number(words.pngs)],
    ['JPEG 640x480', 'jpg', Number(words.jpegs)],
  ];
  for (const [kind, ending, count] of inputs) {
    const pictures = join(folder, ending);
    await writePictures(pictures, kind, ending, count);
    const python = rivals && (await startRounds(rivals, 'import_pictures.py', [pictures, cores]));
    yield await contest({
      task: 'data:import',
      input: `${count} of ${kind}`,
      unit: 'pictures/s',
      rounds,
      own: [
        { name: 'roble', rate: async () => count / (await importSeconds(pictures, join(folder, 'out'))) },
      ],
      rivals: python
        ? [
            {
              name: `Pillow, ${cores} processes`,
              rate: async () => 1000 / (await python.round()),
              close: python.stop,
            },
          ]
        : [],
    });
  }
  await rm(folder, { recursive: true });
});

async function writePictures(
  folder: string,
  kind: PictureKind,
  ending: string,
  count: number,
): Promise<void> {
  const picture = (await pictureMakers({ width: 28, height: 28 }, 1))[kind];
  for (let one = 0; one < CLASSES; one++) await mkdir(join(folder, `class-${one}`), { recursive: true });
  for (let index = 0; index < count; index++)
    await writeFile(join(folder, `class-${index % CLASSES}`, `${index}.${ending}`), picture(index));
}

async function importSeconds(pictures: string, out: string): Promise<number> {
  const start = performance.now();
  const words = ['data:import', pictures, '--out', out, '--width', '28', '--height', '28', '--json'];
  await promisify(execFile)(process.execPath, [CLI, ...words], { maxBuffer: 2 ** 28 });
  const seconds = (performance.now() - start) / 1000;
  await rm(out, { recursive: true });
  return seconds;
}
