import type { Context } from '../base/context.js';
import { RobleError, type SerializedError } from '../base/errors.js';
import { readPlainFile } from '../base/storage/read-file.js';
import type { Model } from './load-model.js';
import type { Prediction } from './top-predictions.js';

/** Images that are decoded and predicted at a time: bounds the memory for any number of files. */
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
  /** Why there is nothing to classify; it becomes the answer. */
  readonly error?: SerializedError;
}

type PreparedInput =
  | { readonly file: string; readonly pixels: Uint8Array }
  | { readonly file: string; readonly error: SerializedError };

/**
 * Classifies many images; one that cannot be read is reported in its place and does not stop the others.
 *
 * @example
 * const answers = await predictFiles(model, await findImages(['photos']), 3);
 */
export async function predictFiles(
  model: Model,
  inputs: readonly ImageInput[],
  topK: number,
  { signal, reporter }: Context = {},
): Promise<FilePrediction[]> {
  const results: FilePrediction[] = [];
  for (let start = 0; start < inputs.length; start += CHUNK) {
    signal?.throwIfAborted();
    const prepared = await Promise.all(
      inputs.slice(start, start + CHUNK).map((input) => prepare(model, input)),
    );
    results.push(...(await predictPrepared(model, prepared, topK)));
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

async function prepare(model: Model, { file, bytes, error }: ImageInput): Promise<PreparedInput> {
  if (error) return { file, error };
  try {
    return { file, pixels: await model.preprocess(bytes ?? (await readPlainFile(file))) };
  } catch (thrown) {
    return { file, error: RobleError.from(thrown).toJSON() };
  }
}

async function predictPrepared(
  model: Model,
  prepared: readonly PreparedInput[],
  topK: number,
): Promise<FilePrediction[]> {
  const pixels = prepared.flatMap((input) => ('pixels' in input ? [input.pixels] : []));
  const answers = (await model.predictPixels(pixels, topK)).values();
  return prepared.map((input) =>
    'pixels' in input ? { file: input.file, predictions: answers.next().value! } : input,
  );
}
