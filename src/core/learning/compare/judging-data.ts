import { RobleError } from '../../base/errors.js';
import { sha256 } from '../../base/storage/durable.js';
import { type Dataset, splitOf } from '../../data/dataset/open.js';
import { streamSplit } from '../../data/dataset/stream.js';

/**
 * Checks that the split `validation` of a data set is fit to judge models: that there is one, and that it holds no
 * augmented samples, which resemble each other and what a model was trained on.
 *
 * @throws {RobleError} `ROBLE_DATASET_SPLIT`, `ROBLE_DATASET_LEAK`
 */
export async function checkJudgingData(data: Dataset): Promise<void> {
  let [index, copies] = [0, 0];
  let first: string | undefined;
  for await (const { copy, source } of data.provenance('validation')) {
    if (copy !== undefined) {
      copies++;
      first ??= `number ${index}, ${source}`;
    }
    index++;
  }
  if (copies === 0) return;
  throw new RobleError('ROBLE_DATASET_LEAK', `The validation split of ${data.folder} holds copies.`, {
    received: `${copies} augmented samples of ${index}, the first is ${first}`,
    expected: 'originals alone',
    nextSteps: ['Judge by the data set before it was augmented: --validation DATASET.'],
  });
}

/** SHA-256 of each picture of the split `validation`. */
export async function judgingPictures(data: Dataset): Promise<ReadonlySet<string>> {
  const hashes = new Set<string>();
  for await (const { pixels } of streamSplit(data, 'validation')) hashes.add(sha256(pixels));
  return hashes;
}

/**
 * How many samples of the split `train` are judging pictures, pixel by pixel, or copies of one.
 *
 * @param judging what {@link judgingPictures} gave
 */
export async function countKnown(data: Dataset, judging: ReadonlySet<string>): Promise<number> {
  splitOf(data, 'train');
  let known = 0;
  for await (const { pixels, provenance } of streamSplit(data, 'train')) {
    const { copy } = provenance;
    const hashes = [sha256(pixels), copy?.of, copy?.partner];
    if (hashes.some((hash) => hash !== undefined && judging.has(hash))) known++;
  }
  return known;
}
