import { parentPort, workerData } from 'node:worker_threads';
import { partName, writePart } from '../dataset/parts.js';
import { RobleError } from '../../base/errors.js';
import type { FromPartThread, PartThreadData, ToPartThread } from './make-parts.js';
import { PartMaker } from './part-maker.js';

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
