import type { Context } from '../../base/context.js';
import { RobleError } from '../../base/errors.js';
import { type RunningWorker, startThread } from '../../base/process/workers.js';
import { guestsOf } from '../../plugin/guard.js';
import type { DatasetPart } from '../dataset/format.js';
import type { OriginalProvenance } from './part-maker.js';
import type { PartThread, PartThreadData } from './part-worker.js';
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
 * are finished first.
 *
 * @throws {RobleError} `ROBLE_INTERRUPTED`, `ROBLE_WORKER_DIED`, those of loading the augmenters and of writing
 */
export async function makeParts(options: MakePartsOptions, context: Context = {}): Promise<void> {
  const { recipe, folder, units, workers } = options;
  if (units.length === 0) return;
  const queue = [...units];
  const threads = Array.from({ length: Math.min(workers, units.length) }, () =>
    startThread<PartThread>(
      new URL('./part-worker.js', import.meta.url),
      { recipe, folder },
      { name: 'A thread of parts', guests: guestsOf(recipe.plugins) },
    ),
  );
  let recorded = Promise.resolve();
  const record = (unit: PartUnit, part: DatasetPart) => {
    recorded = recorded.then(() => options.onPart(unit, part));
    return recorded;
  };
  const work = async (thread: RunningWorker<PartThread>) => {
    for (let unit = queue.shift(); unit && !context.signal?.aborted; unit = queue.shift())
      await record(unit, await thread.call('make', { unit, originals: options.originalsOf(unit) }));
  };
  try {
    await Promise.all(threads.map(work));
  } finally {
    queue.length = 0;
    await Promise.all(threads.map((thread) => thread.kill()));
  }
  if (context.signal?.aborted)
    throw new RobleError('ROBLE_INTERRUPTED', 'The work was interrupted.', {
      nextSteps: ['The same command goes on from here.'],
    });
}
