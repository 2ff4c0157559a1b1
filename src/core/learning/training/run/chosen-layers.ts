import { checked } from '../../../base/schema/checked.js';
import { type ModelChoice, modelSchema } from '../../../config/schema.js';
import { layersOfBundle } from '../../../model/bundle.js';
import { layersOf } from '../../presets.js';
import type { Layer } from '../../../model/spec.js';

/**
 * The layers to train: those that were chosen, else those of the bundle whose weights the run starts from, else those
 * of the preset `cnn-v2`.
 *
 * @param from folder of a bundle (`train.from`)
 * @throws {RobleError} `ROBLE_MODEL_INVALID`, or what {@link layersOfBundle} throws
 */
export async function chosenLayers(
  model: ModelChoice | undefined,
  from: string | undefined,
): Promise<Layer[]> {
  if (model === undefined && from !== undefined) return layersOfBundle(from);
  const choice = model ?? { preset: 'cnn-v2' };
  return layersOf(checked(modelSchema, choice, 'ROBLE_MODEL_INVALID', 'The model is not valid.'));
}
