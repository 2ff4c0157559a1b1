import { resolve } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { Context } from '../../base/context.js';
import { type Problem, RobleError } from '../../base/errors.js';
import { checked } from '../../base/schema/checked.js';
import { mergeSettings } from '../../base/schema/merge.js';
import type { Layer } from '../../model/spec.js';
import type { PluginRegistry } from '../../plugin/registry.js';
import { readHistoryIfAny } from '../history/read-run.js';
import type { RunHistory } from '../history/record.js';
import { type TrainOptions, trainSchema } from '../settings.js';
import { learningRateFactor } from './policies/schedule.js';
import type { TrainingProgress } from './run/events.js';
import { lockRunFolder, type RunRequest, readRequest, type TrainResult } from './run/folder.js';
import { finishedOutcome } from './run/outcome.js';
import { checkStart, pluginsOf } from './run/start.js';
import { superviseRun } from './supervisor/supervise.js';

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
  context: Context<TrainingProgress> & { readonly registry: PluginRegistry },
): Promise<TrainResult> {
  const before = await readRequest(options.run);
  const folder = await lockRunFolder(options.run);
  try {
    const train = checked(
      trainSchema,
      mergeSettings(before.train, settingsToChange(options.train)),
      'ROBLE_CONFIG_INVALID',
      'The settings to change are not valid.',
    );
    const history = await readHistoryIfAny(folder.path);
    const changes = changedSettings(before.train, train);
    const plugins = pluginsOf(train);
    checkChanges(
      changes,
      history?.epochs.length ?? 0,
      context.registry.problemsWith(before.plugins, plugins),
    );
    const used = await context.registry.admit(plugins);
    checkLayers(before.layers, options.layers);
    const request: RunRequest = {
      ...before,
      name: options.name ?? before.name,
      run: folder.path,
      dataset: options.dataset === undefined ? before.dataset : resolve(options.dataset),
      ...(options.validation !== undefined && { validation: resolve(options.validation) }),
      train,
      plugins: used.plugins,
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

/** Without `device: auto`: which device is the best one was decided when the run began. */
function settingsToChange(train: ResumeOptions['train'] = {}): Record<string, unknown> {
  const { device, ...others } = train;
  return device === undefined || device === 'auto' ? others : { ...others, device };
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

type Setting = keyof TrainOptions;

interface SettingChange {
  readonly setting: Setting;
  readonly from: unknown;
  readonly to: unknown;
}

/** Settings that a resume may change: the rest of the run is still the run that began. */
const SAFE: ReadonlySet<Setting> = new Set<Setting>([
  'epochs',
  'evaluationBatchSize',
  'earlyStopping',
  'keepCheckpoints',
  'numWorkers',
  'checkpointEverySeconds',
  'checkpointFallback',
  'retry',
  'twins',
]);

/** Settings that a resume may change, but the sums are then made in another order: the weights differ in the last bits. */
const INEXACT: ReadonlySet<Setting> = new Set<Setting>(['engine', 'device', 'threads']);

function changedSettings(before: TrainOptions, after: TrainOptions): SettingChange[] {
  return (Object.keys({ ...before, ...after }) as Setting[])
    .filter((setting) => !isDeepStrictEqual(before[setting], after[setting]))
    .map((setting) => ({ setting, from: before[setting], to: after[setting] }));
}

/** @throws {RobleError} `ROBLE_RESUME_REFUSED` naming every setting that would make it another run. */
function checkChanges(
  changes: readonly SettingChange[],
  epochsDone: number,
  pluginProblems: readonly Problem[],
): void {
  const problems = [...pluginProblems, ...changes.flatMap((change) => problemOf(change, epochsDone) ?? [])];
  if (problems.length === 0) return;
  throw new RobleError('ROBLE_RESUME_REFUSED', 'The run cannot go on with these settings.', {
    expected: `no change, or one of ${[...SAFE, ...INEXACT].join(', ')}`,
    problems,
    nextSteps: ['To train on with other settings, begin a new run: "roble train --from RUN/model".'],
  });
}

function problemOf({ setting, from, to }: SettingChange, epochsDone: number): Problem | undefined {
  const path = `train.${setting}`;
  if (setting === 'epochs' && (to as number) < epochsDone)
    return { path, message: `${to} epochs are fewer than the ${epochsDone} that are done` };
  if (SAFE.has(setting) || INEXACT.has(setting)) return undefined;
  return { path, message: `was ${JSON.stringify(from)}, would become ${JSON.stringify(to)}` };
}

/** What a change means for the run, in words. */
function describeChange(
  { setting, from, to }: SettingChange,
  before: RunRequest,
  after: TrainOptions,
  history: RunHistory | undefined,
): string {
  const words = `${setting}: ${JSON.stringify(from)} -> ${JSON.stringify(to)}`;
  if (INEXACT.has(setting)) return `${words} (the weights will differ in the last bits)`;
  return setting === 'epochs' ? words + scheduleChange(before.train, after, history) : words;
}

/** A longer run stretches the schedule: the rate jumps to where the stretched one is. */
function scheduleChange(before: TrainOptions, after: TrainOptions, history: RunHistory | undefined): string {
  const last = history?.epochs.at(-1);
  if (!last || after.schedule.type === 'constant') return '';
  const stepsPerEpoch = last.step / last.epoch;
  const [old, now] = [before, after].map(
    ({ schedule, learningRate, epochs }) =>
      learningRate * learningRateFactor(schedule, last.step, stepsPerEpoch, stepsPerEpoch * epochs),
  );
  return ` (the schedule "${after.schedule.type}" now ends there: the rate after epoch ${last.epoch} is ${now!.toPrecision(3)} instead of ${old!.toPrecision(3)})`;
}
