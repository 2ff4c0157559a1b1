/**
 * Milliseconds of the processor from an encoded picture to the pixels that a model of 28x28 grey pixels sees: of the kinds that
 * people send, beside sharp, whose pixels must be the same, and Pillow, interleaved, so that the ratios mean something on a
 * noisy machine.
 *
 *   npm run bench:decode -- [--rounds 5] [--rival /venv/bin/python3] [--only REGEXP]
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import sharp from 'sharp';
import { convertEncoded } from '../src/core/image/general-decoder.js';
import { DEFAULT_MAX_PIXELS, preprocessImage } from '../src/core/image/preprocess.js';
import { preprocessingSchema } from '../src/core/image/settings.js';
import { median, type PythonRounds, startPython } from './rounds.js';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    rival: { type: 'string' },
    only: { type: 'string', default: '' },
  },
});
/** Pictures of a round, so that one takes a tenth of a second or so. */
const KINDS = [
  { name: 'grey PNG 28x28', width: 28, height: 28, channels: 1, format: 'png', count: 500 },
  { name: 'RGB PNG 28x28', width: 28, height: 28, channels: 3, format: 'png', count: 500 },
  { name: 'RGBA PNG 280x280', width: 280, height: 280, channels: 4, format: 'png', count: 40 },
  { name: 'JPEG 28x28', width: 28, height: 28, channels: 3, format: 'jpeg', count: 500 },
  { name: 'JPEG 640x480', width: 640, height: 480, channels: 3, format: 'jpeg', count: 60 },
  { name: 'JPEG 4000x3000', width: 4000, height: 3000, channels: 3, format: 'jpeg', count: 4 },
] as const;
type Kind = (typeof KINDS)[number];

const preprocessing = preprocessingSchema.parse({});
const general = { maxPixels: DEFAULT_MAX_PIXELS, limitName: undefined, transpose: false };
const folder = await mkdtemp(join(tmpdir(), 'roble-bench-'));
for (const kind of KINDS) if (new RegExp(values.only).test(kind.name)) await measure(kind);
await rm(folder, { recursive: true });

async function measure(kind: Kind): Promise<void> {
  const file = await encode(kind);
  const [ours, reference] = await Promise.all([
    preprocessImage(file, preprocessing),
    convertEncoded(file, preprocessing, general),
  ]);
  if (!Buffer.from(ours).equals(reference.pixels))
    throw new Error(`${kind.name}: other pixels than sharp's.`);
  const path = join(folder, kind.name.replaceAll(' ', '-'));
  await writeFile(path, file);
  const pillow = values.rival && (await startPython('decode.py', [path, String(kind.count)], values.rival));
  if (values.rival && !pillow) throw new Error(`${values.rival} has no Pillow.`);
  const rounds = await interleaved(kind, file, pillow || undefined);
  if (pillow) pillow.stop();
  const line = [`${kind.name}: roble ${median(rounds.map(([own]) => own)).toFixed(3)} ms`];
  for (const [i, name] of ['sharp', 'Pillow'].entries()) {
    const others = rounds.flatMap((round) => round[i + 1] ?? []);
    if (others.length === 0) continue;
    const ratios = rounds.map((round) => round[i + 1]! / round[0]).sort((a, b) => a - b);
    line.push(
      `${name} ${median(others).toFixed(3)} ms, ${median(ratios).toFixed(2)} times (${ratios[0]!.toFixed(2)} to ${ratios.at(-1)!.toFixed(2)})`,
    );
  }
  console.log(line.join('; '));
}

type Round = readonly [own: number, sharp: number, pillow?: number];

async function interleaved(kind: Kind, file: Buffer, pillow: PythonRounds | undefined): Promise<Round[]> {
  const rounds: Round[] = [];
  for (let round = 0; round <= Number(values.rounds); round++) {
    const own = await processorMs(kind.count, () => preprocessImage(file, preprocessing));
    const other = await processorMs(Math.ceil(kind.count / 5), () =>
      convertEncoded(file, preprocessing, general),
    );
    const third = await pillow?.round();
    // The first round warms up.
    if (round > 0) rounds.push(third === undefined ? [own, other] : [own, other, third]);
  }
  return rounds;
}

/** Of all threads, for one picture. */
async function processorMs(count: number, work: () => Promise<unknown>): Promise<number> {
  const start = process.cpuUsage();
  for (let i = 0; i < count; i++) await work();
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1000 / count;
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
