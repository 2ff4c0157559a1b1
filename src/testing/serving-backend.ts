import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RobleError } from '../core/base/errors.js';
import { GOLDEN_TOLERANCE, type ModelBundle, openBundle } from '../core/model/bundle.js';
import { sizeOf } from '../core/model/network.js';
import type { LayerInput } from '../core/model/spec.js';
import type { Predictor, ServingBackend, ServingOptions } from '../core/plugin/contracts.js';
import { describeThrown, Faults, faultOfProbabilities } from './faults.js';
import { largestDifference, writeSmallBundle } from './small-model.js';

export interface ServingBackendChecks {
  /** `serve.backendOptions`, as a configuration writes them; by default none. */
  readonly options?: unknown;
  /** Default `cpu`. */
  readonly device?: string;
  /** Default 1. */
  readonly threads?: number;
  /** Folder of the bundle to serve, for a backend that cannot serve any; by default one that is made for the checks. */
  readonly bundle?: string;
  /** Layers of the bundle that is made, for a backend that does not know all; by default nearly every kind. */
  readonly layers?: readonly LayerInput[];
}

/** Sizes of batches: servers gather what comes, up to `serve.maxBatchSize`. */
const BATCHES = [1, 3, 64] as const;

/**
 * Tries a serving backend as a server uses it: a bundle's golden answers within the tolerance, in batches of 1, 3 and 64
 * and in two at once; the same input gives the same bytes, which stay when others are asked for; a second predictor beside
 * the first; to close twice does no harm; and a device that does not exist is refused by a `RobleError`.
 *
 * @throws {RobleError} `ROBLE_PLUGIN_INVALID` with all that is wrong
 * @example
 * test('my-backend', () => assertServingBackend(plugin, { options: { url: 'http://localhost:9000' } }));
 */
export async function assertServingBackend<Options>(
  plugin: ServingBackend<Options>,
  { options: given = {}, device = 'cpu', threads = 1, bundle, layers }: ServingBackendChecks = {},
): Promise<void> {
  const faults = Faults.of('serving-backend', plugin);
  const root = await mkdtemp(join(tmpdir(), 'roble-testing-'));
  try {
    const own = join(root, 'model');
    if (bundle === undefined) await writeSmallBundle(own, layers);
    const model = await openBundle(bundle ?? own);
    const checked = plugin.options?.safeParse(given);
    if (checked?.error)
      faults.add(`its options refuse ${JSON.stringify(given)}: ${checked.error.issues[0]!.message}`);
    const options = { device, threads, options: (checked ? checked.data : given) as Options };
    if (faults.none) await tryAnswers(faults, plugin, model, options);
    await tryRefusal(faults, plugin, model, options);
  } finally {
    await rm(root, { recursive: true, force: true });
  }
  faults.throwIfAny();
}

async function tryAnswers<Options>(
  faults: Faults,
  plugin: ServingBackend<Options>,
  model: ModelBundle,
  options: ServingOptions<Options>,
): Promise<void> {
  const predictor = await faults.attempt('load', () => plugin.load(model, options));
  if (!predictor) return faults.add('it does not load the bundle');
  for (const name of ['warmUp', 'predict', 'close'] as const)
    if (typeof predictor[name] !== 'function') return faults.add(`its predictor has no function "${name}"`);
  await faults.attempt('warmUp', () => predictor.warmUp());
  for (const count of BATCHES) await tryBatch(faults, predictor, model, count);
  await tryTwoAtOnce(faults, predictor, model);
  if (predictor.checkHealth) await faults.attempt('checkHealth', () => predictor.checkHealth!());
  const second = await faults.attempt('load, beside a predictor that is open,', () =>
    plugin.load(model, options),
  );
  if (second) {
    await tryBatch(faults, second, model, 1, 'of the second predictor ');
    await faults.attempt('close', () => second.close());
    await tryBatch(faults, predictor, model, 1, 'after the second predictor was closed ');
  }
  await faults.attempt('close', () => predictor.close());
  await faults.attempt('close, the second time,', () => predictor.close());
}

async function tryBatch(
  faults: Faults,
  predictor: Predictor,
  model: ModelBundle,
  count: number,
  when = '',
): Promise<void> {
  const { images, expected } = batchOf(model, count);
  const kept = images.slice();
  const what = `predict ${when}with ${count} pictures`;
  const answer = await faults.attempt(what, () => predictor.predict(images, count));
  if (answer === undefined) return;
  const fault = faultOfProbabilities(answer, count, model.classes.length);
  if (fault) return faults.add(`${what} gives ${fault}`);
  const difference = largestDifference(answer, expected);
  faults.check(
    difference <= toleranceOf(model),
    `${what} gives probabilities that differ from the golden ones by ${difference}; at most ${toleranceOf(model)} are allowed`,
  );
  faults.check(isSame(images, kept), `${what} changes the pictures that it is given`);
  const first = answer.slice();
  const again = await faults.attempt(what, () => predictor.predict(images, count));
  faults.check(again === undefined || isSame(again, first), `${what} does not give the same bytes again`);
  await faults.attempt(what, () => predictor.predict(batchOf(model, count, 1).images, count));
  faults.check(isSame(answer, first), 'an answer changes when the next one is computed');
}

/** A backend may take one after the other, and must not mix them up. */
async function tryTwoAtOnce(faults: Faults, predictor: Predictor, model: ModelBundle): Promise<void> {
  const batches = [batchOf(model, 3), batchOf(model, 2, 5)];
  const answers = await faults.attempt('predict, asked for two answers at once,', () =>
    Promise.all(batches.map(({ images, count }) => predictor.predict(images, count))),
  );
  for (const [i, { expected }] of batches.entries())
    faults.check(
      !answers ||
        (answers[i]!.length === expected.length &&
          largestDifference(answers[i]!, expected) <= toleranceOf(model)),
      'two answers that are asked for at once are mixed up',
    );
}

const toleranceOf = ({ golden }: ModelBundle): number => golden.tolerance ?? GOLDEN_TOLERANCE;

/** Golden pictures from one on, again and again, and their answers. */
function batchOf({ golden, input, classes }: ModelBundle, count: number, from = 0) {
  const size = sizeOf([input.height, input.width, input.channels]);
  const images = new Uint8Array(count * size);
  const expected = new Float32Array(count * classes.length);
  for (let row = 0; row < count; row++) {
    const at = (from + row) % golden.count;
    images.set(golden.images.subarray(at * size, (at + 1) * size), row * size);
    expected.set(
      golden.probabilities.subarray(at * classes.length, (at + 1) * classes.length),
      row * classes.length,
    );
  }
  return { count, images, expected };
}

const isSame = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  a.length === b.length && Array.prototype.every.call(a, (value, i) => value === b[i]);

/**
 * What is refused by an error without a code is taken for a bundle that cannot be computed, so that other reasons need one.
 * A server elsewhere may know nothing of the device.
 */
async function tryRefusal<Options>(
  faults: Faults,
  plugin: ServingBackend<Options>,
  model: ModelBundle,
  options: ServingOptions<Options>,
): Promise<void> {
  const predictor = await plugin
    .load(model, { ...options, device: 'no-such-device:7' })
    .catch((error: unknown) => {
      faults.check(
        error instanceof RobleError,
        `load refuses a device that does not exist by an error that is no RobleError: ${describeThrown(error)}`,
      );
    });
  await predictor?.close();
}
