import { join, resolve } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { checked } from '../../base/schema/checked.js';
import { mergeSettings } from '../../base/schema/merge.js';
import { type TrainOptions, trainSchema } from '../../config/schema.js';
import type { Context } from '../../base/context.js';
import { RobleError } from '../../base/errors.js';
import { readHistoryIfAny } from '../history/read-run.js';
import { RUN_FILES, type RunHistory } from '../history/record.js';
import type { Layer } from '../../model/spec.js';
import type { PluginRegistry } from '../../plugin/registry.js';
import type { RunOutcome, RunRequest } from './run/messages.js';
import { bestEpoch, endOf } from './policies/early-stopping.js';
import { lockRunFolder } from './run/folder.js';
import { readRequest } from './run/run-request.js';
import { changedSettings, checkChanges, describeChange } from './settings-change.js';
import { checkStart } from './run/check-start.js';
import { superviseRun } from './supervisor/supervise.js';
import type { TrainResult } from './train.js';

export interface ResumeOptions {
  /** Folder of the run. */
  readonly run: string;
  /** Where the data set lies now; by default where it was. It must be the same data. */
  readonly dataset?: string | undefined;
  /** The same for the data set whose split `validation` is used, where it is another one. */
  readonly validation?: string | undefined;
  /** Another name for the model. */
  readonly name?: string | undefined;
  /** What the caller takes the network to be; it is refused when the run's is another one. */
  readonly layers?: readonly Layer[] | undefined;
  /** Settings to change, see {@link checkChanges}; what is left out stays as it was. */
  readonly train?: { readonly [Key in keyof TrainOptions]?: unknown } | undefined;
}

/**
 * Goes on with a run from its newest good checkpoint, at the very step. With the settings unchanged, the weights at
 * the end are those of a run that was never interrupted, bit for bit.
 *
 * @throws {RobleError} `ROBLE_RUN_INVALID`, `ROBLE_FOLDER_LOCKED`, `ROBLE_RESUME_REFUSED`, and what `trainModel` throws.
 */
export async function resumeTraining(
  options: ResumeOptions,
  context: Context & { readonly registry: PluginRegistry },
): Promise<TrainResult> {
  const before = await readRequest(options.run);
  const folder = await lockRunFolder(options.run);
  try {
    const train = checked(
      trainSchema,
      mergeSettings(before.train, given(options.train)),
      'ROBLE_CONFIG_INVALID',
      'The settings to change are not valid.',
    );
    const history = await readHistoryIfAny(folder.path);
    const changes = changedSettings(before.train, train);
    checkChanges(changes, history?.epochs.length ?? 0);
    checkLayers(before.layers, options.layers);
    const request: RunRequest = {
      ...before,
      name: options.name ?? before.name,
      run: folder.path,
      dataset: options.dataset === undefined ? before.dataset : resolve(options.dataset),
      ...(options.validation !== undefined && { validation: resolve(options.validation) }),
      train,
      deviceReason: train.device === before.train.device ? before.deviceReason : undefined,
    };
    const finished = history && finishedOutcome(request, history);
    if (finished) return { run: folder.path, ...finished };
    await checkStart(request);
    const words = changes.map((change) => describeChange(change, before, train, history));
    const settingsChange = words.length > 0 ? words.join('; ') : undefined;
    return {
      run: folder.path,
      ...(await superviseRun({ request, resume: true, settingsChange, lock: folder }, context)),
    };
  } finally {
    await folder.release();
  }
}

/** Which device is the best one was decided when the run began. */
function given(train: ResumeOptions['train'] = {}): Record<string, unknown> {
  const { device, ...others } = train;
  return device === undefined || device === 'auto' ? others : { ...others, device };
}

/** The outcome of a run that has nothing left to do. */
function finishedOutcome({ train, run }: RunRequest, { epochs, events }: RunHistory): RunOutcome | undefined {
  const isOver = (['completed', 'stopped-early'] as const).some((end) => end === events.at(-1)?.event);
  const end = isOver && endOf(epochs, train);
  if (!end) return undefined;
  const best = bestEpoch(epochs, train.monitor);
  return { stopped: end.stopped, epochs: epochs.length, best, bundle: best && join(run, RUN_FILES.model) };
}

/** The network of a run is what it is; another one is another run. */
function checkLayers(before: readonly Layer[], wanted: readonly Layer[] | undefined): void {
  if (!wanted || isDeepStrictEqual(before, wanted)) return;
  throw new RobleError('ROBLE_RESUME_REFUSED', 'The run has another network.', {
    received: `${wanted.length} layers that are not those of the run`,
    expected: `the ${before.length} layers of the run`,
    nextSteps: ['Leave the model out, or begin a new run in another folder.'],
  });
}
