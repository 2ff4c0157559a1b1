import sharp from 'sharp';
import { expect, test } from 'vitest';
import { preprocessImage } from '../../image/preprocess.js';
import { preprocessingSchema } from '../../image/settings.js';
import { PICTURE_KINDS, pictureMakers } from './pictures.js';

const MODEL = { width: 28, height: 28 };
const PICTURES = 100;

const FORMATS = {
  'grey PNG': { format: 'png', channels: 1 },
  'RGB PNG': { format: 'png', channels: 3 },
  'RGBA PNG 280x280': { format: 'png', channels: 4, width: 280, height: 280 },
  'JPEG 640x480': { format: 'jpeg', channels: 3, width: 640, height: 480 },
};

const sides = [28, 4];

test.each(PICTURE_KINDS.flatMap((kind) => sides.map((side) => ({ kind, side }))))(
  'pictures of the kind "$kind" are what they say, and a model of $side pixels sees each as another one',
  async ({ kind, side }) => {
    const shape = { width: side, height: side };
    const make = (await pictureMakers(shape, 1))[kind];
    const seen = new Set<string>();
    for (let index = 0; index < PICTURES; index++) {
      const picture = make(index);
      if (index < 3)
        expect(await sharp(picture, { failOn: 'warning' }).metadata()).toMatchObject({
          ...shape,
          ...FORMATS[kind],
        });
      const pixels = await preprocessImage(picture, preprocessingSchema.parse(shape));
      seen.add(Buffer.from(pixels).toString('base64'));
    }
    expect(seen.size).toBe(PICTURES);
  },
);

test('a seed makes the same pictures again, and another one others', async () => {
  const [first, again, others] = [
    await pictureMakers(MODEL, 1),
    await pictureMakers(MODEL, 1),
    await pictureMakers(MODEL, 2),
  ];
  for (const kind of PICTURE_KINDS) {
    expect(again[kind](17).equals(first[kind](17))).toBe(true);
    expect(others[kind](17).equals(first[kind](17))).toBe(false);
  }
});
