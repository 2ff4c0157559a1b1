import { type Layer, layerSchema } from '../../../model/spec.js';

/** The layer that brings features to mean 0 and variance 1. Its statistics are those of the training pictures. */
export const STANDARDIZE = 'standardize';

/** The layers that learn from the features of a backbone: those that were chosen, after the features are standardized. */
export function headLayers(layers: readonly Layer[]): Layer[] {
  return [layerSchema.parse({ type: 'batchNorm', name: STANDARDIZE }), ...layers];
}
