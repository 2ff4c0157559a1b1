import type { DatasetManifest } from '../../../data/dataset/format.js';
import type { Layer, ModelSpec } from '../../../model/spec.js';

/** The model that layers make for the pictures and classes of a data set. */
export function modelFor({ preprocessing, classes }: DatasetManifest, layers: readonly Layer[]): ModelSpec {
  const { width, height, channels } = preprocessing;
  return { input: { width, height, channels }, classes: classes.length, layers };
}
