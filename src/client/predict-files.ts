import type { Context } from '../core/base/context.js';
import { RobleError } from '../core/base/errors.js';
import { readPlainFile } from '../core/base/storage/read-file.js';
import type { FilePrediction, ImageInput } from '../core/predict/predict-files.js';
import type { PredictAnswer } from '../core/serving/request/schemas.js';
import type { RobleClient } from './roble-client.js';

/** Requests at a time. */
export const CONCURRENCY = 16;

export interface RemotePredictions {
  /** The model that answered last; undefined when no picture was answered. */
  readonly model: PredictAnswer['model'] | undefined;
  readonly predictions: FilePrediction[];
}

/** Classifies many images by a server; one that cannot be read is reported in its place and does not stop the others. */
export async function predictFilesRemotely(
  client: RobleClient,
  inputs: readonly ImageInput[],
  topK: number,
  { signal, reporter }: Context = {},
): Promise<RemotePredictions> {
  let model: RemotePredictions['model'];
  const predictOne = async ({ file, bytes, error }: ImageInput): Promise<FilePrediction> => {
    if (error) return { file, error };
    try {
      const answer = await client.predict(bytes ?? (await readPlainFile(file)), {
        topK,
        ...(signal && { signal }),
      });
      ({ model } = answer);
      return { file, predictions: answer.predictions };
    } catch (thrown) {
      const failure = RobleError.from(thrown);
      if (signal?.aborted || !isOfImage(failure)) throw thrown;
      return { file, error: failure.toJSON() };
    }
  };
  const predictions: FilePrediction[] = [];
  for (let start = 0; start < inputs.length; start += CONCURRENCY) {
    predictions.push(...(await Promise.all(inputs.slice(start, start + CONCURRENCY).map(predictOne))));
    reporter?.report({
      type: 'progress',
      id: 'predict',
      done: predictions.length,
      total: inputs.length,
      unit: 'images',
    });
  }
  return { model, predictions };
}

/** Whether another picture may be answered. */
export function isOfImage({ code }: RobleError): boolean {
  const others = ['ROBLE_STROKES_INVALID', 'ROBLE_REQUEST_TOO_LARGE'];
  return code.startsWith('ROBLE_IMAGE_') || code.startsWith('ROBLE_FILE_') || others.includes(code);
}
