import type { SplitRatios } from '../../src/core/data/dataset/splits.js';
import { synthesizeDataset } from '../../src/core/data/dataset/synthesize.js';
import { preprocessingSchema } from '../../src/core/image/settings.js';

/** Four characters, drawn 12x12, 60 of each: enough to learn in a second. Gives the folder. */
export async function tinyDataset(out: string, ratios?: SplitRatios): Promise<string> {
  const preprocessing = preprocessingSchema.parse({ width: 12, height: 12 });
  await synthesizeDataset({ characters: ['0', '1', 'A', 'T'], perClass: 60, out, preprocessing, ratios });
  return out;
}
