import { RobleError } from '../core/base/errors.js';
import { bytesOf } from '../core/base/storage/read-file.js';
import type { Picture as SourcePicture } from '../core/data/formats/source.js';
import type { Classifier } from '../core/learning/evaluation/classifier.js';
import type { PredictAnswer } from '../core/serving/request/schemas.js';
import { CONCURRENCY, isOfImage } from './predict-files.js';
import type { Picture, RobleClient } from './roble-client.js';

/** More classes than any model has: all of them are asked for. */
const ALL_CLASSES = 1e6;

/**
 * The model of a server, which prepares the pictures itself.
 *
 * @param place address of the server
 * @throws {RobleError} what {@link RobleClient.predict} throws
 */
export async function openServerClassifier(
  place: string,
  client: RobleClient,
  signal?: AbortSignal,
): Promise<Classifier<Picture>> {
  const options = { topK: ALL_CLASSES, ...(signal && { signal }) };
  // Every key that allows predictions allows this one, which gives the classes and the size of the model's input.
  const blank = Array.from({ length: 2 }, () => [0, 0]);
  const { model, predictions, input } = await client.predict(blank, { ...options, include: ['input'] });
  const ordered = await classOrder(client, model.digest, signal);
  const classes = ordered ?? predictions.map(({ label }) => label).sort();
  const indices = new Map(classes.map((label, index) => [label, index]));
  const probabilitiesOf = (answer: PredictAnswer): Float32Array => {
    if (answer.model.digest !== model.digest) throw otherModel(place, model, answer.model);
    const probabilities = new Float32Array(classes.length);
    for (const { label, probability } of answer.predictions) probabilities[indices.get(label)!] = probability;
    return probabilities;
  };
  const ask = async (picture: Picture) => {
    try {
      return probabilitiesOf(await client.predict(picture, options));
    } catch (thrown) {
      const failure = RobleError.from(thrown);
      if (signal?.aborted || !isOfImage(failure)) throw thrown;
      return failure;
    }
  };
  return {
    place,
    name: model.name,
    digest: model.digest,
    classes,
    isOrdered: ordered !== undefined,
    input: shapeOf(place, input),
    prepare: async (picture, transpose) => ({ content: await takenBy(picture, transpose), notices: [] }),
    predict: (pictures) => inTurn(pictures, ask),
    pixelsOf: (pictures) =>
      inTurn(pictures, async (picture) => {
        const answer = await client.predict(picture, { ...options, topK: 1, include: ['input'] });
        return Buffer.from(answer.input!.pixels, 'base64');
      }),
    close: async () => {},
  };
}

/** The classes in the order of the model, which decides between equal probabilities; not every key may ask for it. */
async function classOrder(
  client: RobleClient,
  digest: string,
  signal: AbortSignal | undefined,
): Promise<readonly string[] | undefined> {
  try {
    const { model } = await client.stats(signal ? { signal } : {});
    return model.digest === digest ? model.classes : undefined;
  } catch (thrown) {
    if (RobleError.from(thrown).code === 'ROBLE_SCOPE_MISSING') return undefined;
    throw thrown;
  }
}

function shapeOf(place: string, input: PredictAnswer['input']): Classifier['input'] {
  if (input) return { width: input.width, height: input.height, channels: input.channels === 3 ? 3 : 1 };
  throw new RobleError('ROBLE_SERVER_UNREACHABLE', `${place} does not say what its model sees.`, {
    expected: 'an answer with "input"',
    nextSteps: ['Evaluate the bundle itself, with --model, or use a server of this version of roble.'],
  });
}

function otherModel(
  place: string,
  first: PredictAnswer['model'],
  second: PredictAnswer['model'],
): RobleError {
  return new RobleError('ROBLE_SERVER_UNREACHABLE', `The answers of ${place} are of two models.`, {
    received: `${second.name} ${second.version} (${second.digest})`,
    expected: `${first.name} ${first.version} (${first.digest})`,
    nextSteps: [
      'Wait until one model answers all requests, or evaluate the bundles themselves, with --model.',
    ],
  });
}

/** The form in which the server takes a picture. */
async function takenBy(picture: SourcePicture, transpose: boolean): Promise<Picture> {
  if (transpose)
    throw new RobleError('ROBLE_USAGE', 'A server cannot swap rows and columns of encoded pictures.', {
      received: '--transpose with --url',
      expected: 'IDX files or strokes, or a bundle (--model)',
    });
  switch (picture.kind) {
    case 'encoded':
      return bytesOf(picture.from);
    case 'pixels': {
      const { width, channels } = picture.shape;
      if (channels === 1) return chunked(picture.pixels, width);
      return chunked(chunked(picture.pixels, channels), width);
    }
    case 'prepared':
      return [...picture.pixels];
    case 'strokes': {
      const strokes = picture.strokes.map((stroke) => stroke.map(([x, y]) => [x!, y!] as const));
      return picture.unit > 0 ? { strokes, unit: picture.unit } : { strokes };
    }
  }
}

function chunked<T>(values: ArrayLike<T>, size: number): T[][] {
  const all = Array.from(values);
  return Array.from({ length: all.length / size }, (_, i) => all.slice(i * size, (i + 1) * size));
}

/** A few requests at a time. */
async function inTurn<T>(pictures: readonly Picture[], ask: (picture: Picture) => Promise<T>): Promise<T[]> {
  const answers: T[] = [];
  for (let start = 0; start < pictures.length; start += CONCURRENCY)
    answers.push(...(await Promise.all(pictures.slice(start, start + CONCURRENCY).map(ask))));
  return answers;
}
