import { answerCalls } from '../../base/process/answer-calls.js';
import { partName, writePart } from '../dataset/parts.js';
import { type MakingRecipe, type OriginalProvenance, PartMaker } from './part-maker.js';
import type { PartUnit } from './plan.js';

/** The thread that makes parts: asked for one, it writes its files and says what is in them. */
export type PartThread = typeof start;

answerCalls(start);

async function start({ recipe, folder }: PartThreadData) {
  const maker = await PartMaker.open(recipe);
  return {
    make: ({ unit, originals }: PartRequest) =>
      writePart(folder, partName(unit.split, unit.index), maker.make(unit, originals)),
  };
}

/** What a thread begins with. */
export interface PartThreadData {
  readonly recipe: MakingRecipe;
  /** Where the files go. */
  readonly folder: string;
}

interface PartRequest {
  readonly unit: PartUnit;
  readonly originals: readonly OriginalProvenance[];
}
