import type { DatasetManifest } from './format.js';

/** Whether a data set is of characters, which `data:synth` can draw: each class is one, and the pictures are grey. */
export function isOfCharacters({ classes, preprocessing }: DatasetManifest): boolean {
  return preprocessing.channels === 1 && classes.every((name) => [...name].length === 1);
}
