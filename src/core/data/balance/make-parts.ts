import { Worker } from 'node:worker_threads';
import type { Context } from '../../base/context.js';
import { RobleError } from '../../base/errors.js';
import type { DatasetPart } from '../dataset/format.js';
import type { OriginalProvenance } from './part-maker.js';
import type { FromPartThread, PartThreadData, ToPartThread } from './part-worker.js';
import type { PartUnit } from './plan.js';

export interface MakePartsOptions extends PartThreadData {
  readonly units: readonly PartUnit[];
  readonly workers: number;
  readonly originalsOf: (unit: PartUnit) => readonly OriginalProvenance[];
  /** Called when the files of a part are on the disk; the next calls wait for it. */
  readonly onPart: (unit: PartUnit, part: DatasetPart) => Promise<void>;
}

/**
 * Makes parts on threads; which thread makes which part does not change them. When it is interrupted, the parts in work
 * are finished first. The augmenters must have been loaded before: a thread could only tell a plain error of that.
 *
 * @throws {RobleError} `ROBLE_INTERRUPTED`, `ROBLE_WORKER_DIED`, those of writing
 */
export async function makeParts(options: MakePartsOptions, context: Context = {}): Promise<void> {
  const { recipe, folder, units, workers } = options;
  if (units.length === 0) return;
  const queue = [...units];
  const threads = Array.from(
    { length: Math.min(workers, units.length) },
    () => new Worker(new URL('./part-worker.js', import.meta.url), { workerData: { recipe, folder } }),
  );
  let recorded = Promise.resolve();
  const record = (unit: PartUnit, part: DatasetPart) => {
    recorded = recorded.then(() => options.onPart(unit, part));
    return recorded;
  };
  const serve = async (thread: Worker) => {
    for (let unit = queue.shift(); unit && !context.signal?.aborted; unit = queue.shift())
      await record(unit, await ask(thread, { unit, originals: options.originalsOf(unit) }));
  };
  try {
    await Promise.all(threads.map(serve));
  } finally {
    queue.length = 0;
    await Promise.all(threads.map((thread) => thread.terminate()));
  }
  if (context.signal?.aborted)
    throw new RobleError('ROBLE_INTERRUPTED', 'The work was interrupted.', {
      nextSteps: ['The same command goes on from here.'],
    });
}

function ask(thread: Worker, message: ToPartThread): Promise<DatasetPart> {
  return new Promise((resolve, reject) => {
    const settle = (end: () => void) => {
      thread.off('message', answer).off('error', fail).off('exit', leave);
      end();
    };
    const answer = ({ part, error }: FromPartThread) =>
      settle(() => (part ? resolve(part) : reject(RobleError.fromJSON(error!))));
    const fail = (error: unknown) => settle(() => reject(RobleError.from(error)));
    const leave = (code: number) =>
      settle(() => reject(new RobleError('ROBLE_WORKER_DIED', `A thread ended with code ${code}.`)));
    thread.on('message', answer).on('error', fail).on('exit', leave);
    thread.postMessage(message);
  });
}
