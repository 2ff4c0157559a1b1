import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { preprocessingSchema } from '../../image/settings.js';
import { drawingToPixels } from '../../image/strokes/frame.js';
import { parseCharacters } from './class-names.js';
import { openDataset, viewOf } from './open.js';
import { synthesizeDataset } from './synthesize.js';

describe('synthesizeDataset', () => {
  it('draws the same again, keeps writers apart and strokes, and does not disturb other characters', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'roble-test-'));
    const preprocessing = preprocessingSchema.parse({});
    const draw = (out: string, characters: string) =>
      synthesizeDataset({
        characters: parseCharacters(characters),
        perClass: 20,
        out: join(folder, out),
        name: 'n',
        preprocessing,
        seed: 5,
      });
    try {
      const [first, again] = [await draw('a', 'xy'), await draw('b', 'xy')];
      await draw('c', 'xyz');
      expect(again.fingerprint).toBe(first.fingerprint);
      const imagesOf = async (name: string, label: number) => {
        const { images, labels } = await (await openDataset(join(folder, name))).load('train');
        return [...labels].flatMap((value, i) =>
          value === label ? [Buffer.from(images.subarray(784 * i, 784 * (i + 1)))] : [],
        );
      };
      expect(await imagesOf('c', 0)).toEqual(await imagesOf('a', 0));
      const dataset = await openDataset(join(folder, 'a'));
      const writers = async (split: 'train' | 'validation') => {
        const groups = new Set<string>();
        for await (const { group } of dataset.provenance(split)) groups.add(group!);
        return groups;
      };
      const validation = await writers('validation');
      for (const writer of await writers('train')) expect(validation.has(writer)).toBe(false);
      const loaded = await dataset.load('train');
      for (let i = 0; i < loaded.count; i++) {
        const { data, strokes } = viewOf(loaded, preprocessing, i);
        expect(drawingToPixels(strokes!, preprocessing)).toEqual(Uint8Array.from(data));
      }
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});
