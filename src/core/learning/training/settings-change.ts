import { isDeepStrictEqual } from 'node:util';
import type { TrainOptions } from '../../config/schema.js';
import { type Problem, RobleError } from '../../base/errors.js';
import type { RunHistory } from '../history/record.js';
import type { RunRequest } from './run/messages.js';
import { learningRateFactor } from './policies/schedule.js';

type Setting = keyof TrainOptions;

export interface SettingChange {
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

export function changedSettings(before: TrainOptions, after: TrainOptions): SettingChange[] {
  return (Object.keys({ ...before, ...after }) as Setting[])
    .filter((setting) => !isDeepStrictEqual(before[setting], after[setting]))
    .map((setting) => ({ setting, from: before[setting], to: after[setting] }));
}

/** @throws {RobleError} `ROBLE_RESUME_REFUSED` naming every setting that would make it another run. */
export function checkChanges(changes: readonly SettingChange[], epochsDone: number): void {
  const problems = changes.flatMap((change) => problemOf(change, epochsDone) ?? []);
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
export function describeChange(
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
