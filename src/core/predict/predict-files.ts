import { readFile } from 'node:fs/promises';
import type { Context } from '../context.js';
import { RobleError, type SerializedError } from '../errors.js';
import type { Model } from './load-model.js';
import type { Prediction } from './top-predictions.js';

/** Images that are decoded and predicted at a time: bounds the memory whatever the number of files. */
const CHUNK = 64;

/** What came of one file. */
export type FilePrediction =
  | { readonly file: string; readonly predictions: readonly Prediction[] }
  | { readonly file: string; readonly error: SerializedError };

/** Something to classify, by the name that the answer gives it. */
export interface ImageInput {
  readonly file: string;
  /** The encoded picture; by default it is read from the file of that name. */
  readonly bytes?: Uint8Array;
}

/** Classifies many images; one that cannot be read is reported in its place and does not stop the others. */
export async function predictFiles(
  model: Model,
  inputs: readonly ImageInput[],
  topK: number,
  { signal, reporter }: Context = {},
): Promise<FilePrediction[]> {
  const results: FilePrediction[] = [];
  for (let start = 0; start < inputs.length; start += CHUNK) {
    signal?.throwIfAborted();
    results.push(...(await predictChunk(model, inputs.slice(start, start + CHUNK), topK)));
    reporter?.report({
      type: 'progress',
      id: 'predict',
      done: results.length,
      total: inputs.length,
      unit: 'images',
    });
  }
  return results;
}

async function predictChunk(
  model: Model,
  inputs: readonly ImageInput[],
  topK: number,
): Promise<FilePrediction[]> {
  const prepared = await Promise.all(
    inputs.map(async ({ file, bytes }) => {
      try {
        return { file, pixels: await model.preprocess(bytes ?? (await readFile(file))) };
      } catch (error) {
        return { file, error: RobleError.from(error).toJSON() };
      }
    }),
  );
  const good = prepared.flatMap((image) => ('pixels' in image && image.pixels ? [image.pixels] : []));
  const predictions = await model.predictPixels(good, topK);
  let next = 0;
  return prepared.map((image) =>
    'error' in image && image.error
      ? { file: image.file, error: image.error }
      : { file: image.file, predictions: predictions[next++]! },
  );
}
