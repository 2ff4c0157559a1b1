import { openDataset } from '../../src/core/data/dataset/open.js';
import { type PreparedSample, writeDataset } from '../../src/core/data/dataset/write.js';

/**
 * A data set without most of the training samples of some classes; its other splits stay whole. Gives the folder.
 *
 * @param keep how many stay, by label; of the other classes all do
 */
export async function thinnedDataset(
  folder: string,
  out: string,
  keep: Readonly<Record<string, number>>,
): Promise<string> {
  const { manifest, ...dataset } = await openDataset(folder);
  const { name, classes, preprocessing } = manifest;
  async function* samples(): AsyncGenerator<PreparedSample> {
    for (const split of ['train', 'validation'] as const) {
      const { images, labels, count } = await dataset.load(split);
      const seen = new Map<string, number>();
      for (let i = 0; i < count; i++) {
        const label = classes[labels[i]!]!;
        const number = (seen.get(label) ?? 0) + 1;
        seen.set(label, number);
        if (split === 'train' && number > (keep[label] ?? count)) continue;
        const size = images.length / count;
        yield { pixels: images.slice(i * size, (i + 1) * size), label, split, source: `${split}#${i}` };
      }
    }
  }
  const options = { out, name, preprocessing, classes, split: { seed: 0 }, recipe: () => ({ keep }) };
  await writeDataset(options, samples());
  return out;
}
