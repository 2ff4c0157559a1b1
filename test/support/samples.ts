import type { SplitName } from '../../src/core/data/dataset/format.js';
import { openDataset, readProvenance, viewOf } from '../../src/core/data/dataset/open.js';

/** All samples of a split of a data set, in order. */
export async function samplesIn(folder: string, split: SplitName = 'train') {
  const dataset = await openDataset(folder);
  const loaded = await dataset.load(split);
  return (await readProvenance(dataset, split)).map((sample, i) => {
    const { data, strokes } = viewOf(loaded, dataset.manifest.preprocessing, i);
    const label = dataset.manifest.classes[loaded.labels[i]!]!;
    return { ...sample, label, pixels: data, ...(strokes && { strokes }) };
  });
}
