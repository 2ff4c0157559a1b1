import { z } from 'zod';
import { RobleError } from '../base/errors.js';
import { checked } from '../base/schema/checked.js';
import { GOLDEN_TOLERANCE, type ModelBundle, openBundle } from '../model/bundle.js';
import type { Predictor, ServingBackend, ServingOptions } from '../plugin/contracts.js';
import { describeThrown } from '../plugin/odd-values.js';
import type { PluginRegistry } from '../plugin/registry.js';

export interface PredictorOptions extends Omit<ServingOptions, 'options'> {
  /** Name of the serving backend. */
  readonly backend: string;
  /** Its own options, not checked yet. */
  readonly options?: unknown;
}

/**
 * A predictor that is known to work: the bundle's files are what they were, and the golden images get the answers that
 * they got when the bundle was made.
 *
 * @throws {RobleError} `ROBLE_FILE_NOT_FOUND`, `ROBLE_BUNDLE_INVALID`, `ROBLE_PLUGIN_UNKNOWN`, `ROBLE_CONFIG_INVALID`,
 *   `ROBLE_DEVICE_UNAVAILABLE`, `ROBLE_SERVER_UNREACHABLE`.
 */
export async function openPredictor(
  folder: string,
  { backend, options: given, ...options }: PredictorOptions,
  registry: PluginRegistry,
): Promise<{ bundle: ModelBundle; predictor: Predictor }> {
  const bundle = await openBundle(folder);
  const plugin = await registry.load('serving-backend', backend);
  let predictor: Predictor | undefined;
  try {
    predictor = await plugin.load(bundle, { ...options, options: checkedOptions(plugin, given) });
    await predictor.warmUp();
    await checkGolden(bundle, predictor);
    return { bundle, predictor };
  } catch (error) {
    await predictor?.close();
    throw error instanceof RobleError ? error : unusable(bundle, backend, error);
  }
}

/** @throws {RobleError} `ROBLE_CONFIG_INVALID` */
export function checkedOptions(
  { name, options = z.strictObject({}) }: ServingBackend,
  given: unknown = {},
): unknown {
  return checked(
    options,
    given,
    'ROBLE_CONFIG_INVALID',
    `The options of the backend "${name}" (serve.backendOptions) are not valid.`,
  );
}

function unusable({ folder }: ModelBundle, backend: string, cause: unknown): RobleError {
  return new RobleError(
    'ROBLE_BUNDLE_INVALID',
    `The backend "${backend}" cannot run the model in ${folder}.`,
    {
      received: describeThrown(cause),
      expected: 'an ONNX model with the input "images" and the output "probabilities"',
      cause,
    },
  );
}

async function checkGolden({ folder, golden }: ModelBundle, predictor: Predictor): Promise<void> {
  const { tolerance = GOLDEN_TOLERANCE } = golden;
  const answer = await predictor.predict(golden.images, golden.count);
  const difference = golden.probabilities.reduce(
    (largest, expected, i) => Math.max(largest, Math.abs(expected - answer[i]!)),
    0,
  );
  if (answer.length === golden.probabilities.length && difference <= tolerance) return;
  throw new RobleError(
    'ROBLE_BUNDLE_INVALID',
    `The model in ${folder} does not give its golden outputs here.`,
    {
      received: `probabilities that differ by up to ${difference}`,
      expected: `at most ${tolerance}`,
      nextSteps: ['Export the bundle again, or use another backend or device.'],
    },
  );
}
