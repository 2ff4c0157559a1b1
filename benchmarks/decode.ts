/**
 * Pictures for each second of the processor, all threads together, from encoded ones to the pixels that a model of 28x28 grey
 * pixels sees: of the kinds that people send, beside sharp, whose pixels must be the same, and Pillow.
 *
 *   npm run bench:decode -- [--only REGEXP] [--rivals FOLDER] [--rounds 5] [--json FILE]
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { convertEncoded } from '../src/core/image/general-decoder.js';
import { DEFAULT_MAX_PIXELS, preprocessImage } from '../src/core/image/preprocess.js';
import { preprocessingSchema } from '../src/core/image/settings.js';
import { benchmark, type Contestant, contest } from './contest.js';
import { type Rivals, startRounds } from './rivals.js';

/** With how many pictures there are in a round, so that one takes a tenth of a second or so. */
const KINDS = [
  { name: 'grey PNG 28x28', width: 28, height: 28, channels: 1, format: 'png', count: 500 },
  { name: 'RGB PNG 28x28', width: 28, height: 28, channels: 3, format: 'png', count: 500 },
  { name: 'RGBA PNG 280x280', width: 280, height: 280, channels: 4, format: 'png', count: 50 },
  { name: 'RGB PNG 1000x1000', width: 1000, height: 1000, channels: 3, format: 'png', count: 20 },
  { name: 'JPEG 28x28', width: 28, height: 28, channels: 3, format: 'jpeg', count: 500 },
  { name: 'JPEG 640x480', width: 640, height: 480, channels: 3, format: 'jpeg', count: 60 },
  { name: 'JPEG 4000x3000', width: 4000, height: 3000, channels: 3, format: 'jpeg', count: 5 },
] as const;
type Kind = (typeof KINDS)[number];

const preprocessing = preprocessingSchema.parse({});
const general = { maxPixels: DEFAULT_MAX_PIXELS, limitName: undefined, transpose: false };

await benchmark({ only: '' }, async function* ({ only }, { rivals, rounds }) {
  const folder = await mkdtemp(join(tmpdir(), 'roble-bench-'));
  for (const kind of KINDS.filter(({ name }) => new RegExp(only).test(name))) {
    const file = await encode(kind);
    const pixels = await preprocessImage(file, preprocessing);
    const reference = await convertEncoded(file, preprocessing, general);
    if (!Buffer.from(pixels).equals(reference.pixels))
      throw new Error(`${kind.name}: other pixels than sharp's.`);
    const path = join(folder, kind.name.replaceAll(' ', '-'));
    await writeFile(path, file);
    yield await contest({
      task: 'decoding to 28x28 grey pixels',
      input: kind.name,
      unit: 'pictures/s of one core',
      rounds,
      own: [{ name: 'roble', rate: () => rate(kind.count, () => preprocessImage(file, preprocessing)) }],
      rivals: [
        {
          name: 'sharp',
          rate: () => rate(Math.ceil(kind.count / 5), () => convertEncoded(file, preprocessing, general)),
        },
        ...(rivals ? [await pillow(rivals, path, kind.count)] : []),
      ],
    });
  }
  await rm(folder, { recursive: true });
});

async function pillow(rivals: Rivals, path: string, count: number): Promise<Contestant> {
  const python = await startRounds(rivals, 'decode.py', [path, count]);
  return { name: 'Pillow', rate: async () => 1000 / (await python.round()), close: python.stop };
}

/** For each second of the processor, all threads together. */
async function rate(count: number, work: () => Promise<unknown>): Promise<number> {
  const start = process.cpuUsage();
  for (let i = 0; i < count; i++) await work();
  const { user, system } = process.cpuUsage(start);
  return (count * 1e6) / (user + system);
}

/** Waves, which compress as drawings and photographs do. */
function encode({ width, height, channels, format }: Kind): Promise<Buffer> {
  const pixels = new Uint8Array(width * height * channels);
  for (let i = 0; i < pixels.length; i++)
    pixels[i] = channels === 4 && i % 4 === 3 ? 255 : 128 + 60 * (Math.sin(i / 97) + Math.cos(i / 1733));
  const picture = sharp(pixels, { raw: { width, height, channels } });
  return (
    format === 'png'
      ? picture.toColourspace(channels === 1 ? 'b-w' : 'srgb').png()
      : picture.jpeg({ quality: 90 })
  ).toBuffer();
}
