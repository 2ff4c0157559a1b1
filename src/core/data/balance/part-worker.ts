import { parentPort, workerData } from 'node:worker_threads';
import { RobleError, type SerializedError } from '../../base/errors.js';
import type { DatasetPart } from '../dataset/format.js';
import { partName, writePart } from '../dataset/parts.js';
import { type MakingRecipe, type OriginalProvenance, PartMaker } from './part-maker.js';
import type { PartUnit } from './plan.js';

/** The thread that makes parts: asked for one, it writes its files and says what is in them. */
const { recipe, folder } = workerData as PartThreadData;
const maker = await PartMaker.open(recipe);

parentPort!.on('message', async ({ unit, originals }: ToPartThread) => {
  let answer: FromPartThread;
  try {
    const part = await writePart(folder, partName(unit.split, unit.index), maker.make(unit, originals));
    answer = { unit, part };
  } catch (error) {
    answer = { unit, error: RobleError.from(error).toJSON() };
  }
  parentPort!.postMessage(answer);
});

/** What a thread begins with. */
export interface PartThreadData {
  readonly recipe: MakingRecipe;
  /** Where the files go. */
  readonly folder: string;
}

export interface ToPartThread {
  readonly unit: PartUnit;
  readonly originals: readonly OriginalProvenance[];
}

export interface FromPartThread {
  readonly unit: PartUnit;
  readonly part?: DatasetPart;
  readonly error?: SerializedError;
}
