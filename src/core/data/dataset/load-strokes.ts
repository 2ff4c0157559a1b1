import { RobleError } from '../../base/errors.js';
import { findDrawings, type PackedStrokes } from '../../image/strokes/packed.js';
import type { DatasetPart, PartFile } from './format.js';

/**
 * The strokes of a split, in memory that threads share; undefined where no part has any.
 *
 * @param count samples of all parts
 * @param read gives the bytes of a file, checked
 * @throws {RobleError} `ROBLE_DATASET_INVALID` for a file that does not hold as many drawings as the part has samples
 */
export async function loadStrokes(
  parts: readonly DatasetPart[],
  count: number,
  read: (file: PartFile) => Promise<Buffer>,
): Promise<PackedStrokes | undefined> {
  const bytes = parts.reduce((sum, { strokes }) => sum + (strokes?.bytes ?? 0), 0);
  if (bytes === 0) return undefined;
  const words = new Int16Array(new SharedArrayBuffer(bytes + (bytes % 2)));
  const starts = new Uint32Array(new SharedArrayBuffer(4 * (count + 1)));
  let sample = 0;
  let at = 0;
  for (const part of parts) {
    if (part.strokes) {
      const content = await read(part.strokes);
      if (content.length % 2 === 1 || content.length !== part.strokes.bytes) throw damaged(part);
      const end = at + content.length / 2;
      for (let i = at, byte = 0; i < end; i++, byte += 2) words[i] = content.readInt16LE(byte);
      if (findDrawings(words, at, part.count, starts, sample) !== end) throw damaged(part);
      at = end;
    } else starts.fill(at, sample, sample + part.count);
    sample += part.count;
  }
  starts[count] = at;
  return { words, starts };
}

function damaged({ count, strokes }: DatasetPart): RobleError {
  return new RobleError('ROBLE_DATASET_INVALID', `${strokes?.file} is not of the expected form.`, {
    expected: `the strokes of ${count} samples`,
    nextSteps: ['Import the data set again.'],
  });
}
