import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import sharp from 'sharp';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Random } from '../base/random.js';
import { describeSurvey, suggestShape } from './suggest-shape.js';
import { surveyPictures } from './survey.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'roble-survey-'));
});
afterEach(() => rm(folder, { recursive: true }));

type Paint = (x: number, y: number) => readonly [number, number, number, number];

async function put(path: string, width: number, height: number, paint: Paint): Promise<void> {
  const pixels = new Uint8Array(width * height * 4);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) pixels.set(paint(x / width, y / height), 4 * (y * width + x));
  await mkdir(dirname(join(folder, path)), { recursive: true });
  await sharp(pixels, { raw: { width, height, channels: 4 } })
    .png()
    .toFile(join(folder, path));
}

/** Many shades and colours, as of things in light. */
const scene =
  (seed: number): Paint =>
  (x, y) => {
    const shade = 128 + 90 * Math.sin(7 * x + seed) * Math.cos(5 * y) + 30 * Math.sin(60 * x * y);
    return [shade, 200 * y + 20, 255 - shade * x, 255];
  };
const cutOut: Paint = (x, y) => (Math.hypot(x - 0.5, y - 0.5) < 0.35 ? scene(1)(x, y) : [0, 0, 0, 0]);
const stroke =
  (at: number): Paint =>
  (x) =>
    Math.abs(x - at) < 0.04 ? [10, 10, 10, 255] : [250, 250, 250, 255];

async function suggested() {
  const { survey, unreadable } = await surveyPictures(folder);
  return { ...suggestShape(survey!), survey: survey!, unreadable };
}

describe('a folder of', () => {
  it('photographs nearly square: 224 in colour, cut to a square', async () => {
    for (let i = 0; i < 4; i++) await put(`${i % 2}/${i}.png`, 160, 120, scene(i));
    const { survey: _, unreadable: __, ...shape } = await suggested();
    expect(shape).toEqual({
      ...{ width: 224, height: 224, channels: 3, fit: 'cover', background: '#000000', invert: false },
      isPhotograph: true,
    });
  });

  it('long photographs: whole', async () => {
    for (let i = 0; i < 4; i++) await put(`${i % 2}/${i}.png`, 300, 100, scene(i));
    expect((await suggested()).fit).toBe('contain');
  });

  it('things that are cut out: whole, on white', async () => {
    for (let i = 0; i < 4; i++) await put(`${i % 2}/${i}.png`, 120, 120, cutOut);
    const { fit, background, isPhotograph, survey } = await suggested();
    expect([fit, background, isPhotograph, survey.isTransparent]).toEqual(['contain', '#ffffff', true, true]);
  });

  it('small photographs: no larger than they are', async () => {
    for (let i = 0; i < 4; i++) await put(`${i % 2}/${i}.png`, 32, 32, scene(i));
    const { width, isPhotograph } = await suggested();
    expect([width, isPhotograph]).toEqual([32, false]);
  });

  it('drawings, large ones too: grey, inverted, as ink on paper', async () => {
    for (let i = 0; i < 4; i++) await put(`${i % 2}/${i}.png`, 300, 300, stroke(0.2 + 0.1 * i));
    const { width, channels, invert, background, isPhotograph } = await suggested();
    expect([width, channels, invert, background, isPhotograph]).toEqual([64, 1, true, '#ffffff', false]);
  });

  it('pictures and other things: counts formats and folders, and names what is no picture', async () => {
    await put('a/1.png', 120, 120, scene(1));
    await put('a/2.png', 120, 120, scene(2));
    await sharp(join(folder, 'a/1.png')).jpeg().toFile(join(folder, 'b.jpg'));
    const random = new Random(1, 'synthesize');
    const noise = Uint8Array.from({ length: 400 }, () => random.integer(256));
    await writeFile(join(folder, 'a/noise.png'), noise);
    await writeFile(join(folder, 'a/empty.jpg'), '');
    const whole = await sharp(join(folder, 'a/1.png')).png().toBuffer();
    await writeFile(join(folder, 'a/short.png'), whole.subarray(0, whole.length >> 1));
    const { survey, unreadable } = await suggested();
    expect(describeSurvey(survey)).toBe(
      '6 pictures of about 120x120 pixels, in colour, PNG and JPEG, 1 to 5 in each of 2 folders',
    );
    expect(unreadable.map(({ path }) => path).sort()).toEqual(['a/empty.jpg', 'a/noise.png', 'a/short.png']);
  });
});

it('says so where there is no picture, and where none can be read', async () => {
  expect(await surveyPictures(folder)).toEqual({ count: 0, unreadable: [], survey: undefined });
  await writeFile(join(folder, 'a.png'), 'text');
  const { count, unreadable, survey } = await surveyPictures(folder);
  expect([count, unreadable.length, survey]).toEqual([1, 1, undefined]);
});
