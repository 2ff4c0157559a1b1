import { join } from 'node:path';
import type { Context, Reporter } from '../../base/context.js';
import { type Problem, RobleError } from '../../base/errors.js';
import { exists } from '../../base/storage/files.js';
import type { PluginRegistry } from '../../plugin/registry.js';
import { comparableSettings, differingPaths } from '../analysis/compare-runs.js';
import { readHistoryIfAny } from '../history/read-run.js';
import { RUN_FILES } from '../history/record.js';
import { resumeTraining } from '../training/resume.js';
import type { TrainingProgress } from '../training/run/events.js';
import { readRequest } from '../training/run/folder.js';
import { trainModel } from '../training/train.js';
import type { PlannedRun } from './plan.js';

/**
 * Checks that what lies in the folders already are runs of this very comparison.
 *
 * @throws {RobleError} `ROBLE_RUN_EXISTS` with every setting in which any of them differs
 */
export async function checkFolders(runs: readonly PlannedRun[]): Promise<void> {
  const problems: Problem[] = [];
  for (const run of runs) if (await hasBegun(run)) problems.push(...(await differencesOf(run)));
  if (problems.length === 0) return;
  throw new RobleError('ROBLE_RUN_EXISTS', 'The folder holds the runs of another comparison.', {
    expected: 'no runs, or runs of the same data, settings and steps',
    problems,
    nextSteps: ['Give another --out, or the settings of that comparison.'],
  });
}

function hasBegun({ folder }: PlannedRun): Promise<boolean> {
  return exists(join(folder, RUN_FILES.request));
}

/** What the run in a folder was asked to do, against what it is to do. */
async function differencesOf(run: PlannedRun): Promise<Problem[]> {
  const { id: _id, ...begun } = await readRequest(run.folder);
  // A run that ended before its history began has not looked at any data.
  const { dataFingerprint = run.dataFingerprint } = (await readHistoryIfAny(run.folder))?.run ?? {};
  const before = comparableSettings({ settings: { ...begun, dataFingerprint } });
  const { dataset, layers, train } = run;
  const now = comparableSettings({
    settings: { dataset, layers, train, dataFingerprint: run.dataFingerprint },
  });
  before.set('train.seed', String(begun.train.seed));
  now.set('train.seed', String(run.seed));
  return differingPaths([before, now]).map((path) => ({
    path: `${run.folder}: ${path}`,
    message: `was ${before.get(path) ?? 'not set'}, is ${now.get(path) ?? 'not set'} now`,
  }));
}

/**
 * Trains a run, or goes on with it where it was left; a finished one is left as it is.
 *
 * @throws {RobleError} `ROBLE_INTERRUPTED` when `context.signal` ended it, with its state saved; and those of `trainModel`
 */
export async function finishRun(
  run: PlannedRun,
  context: Context<TrainingProgress> & { readonly registry: PluginRegistry },
): Promise<void> {
  const { folder, condition, dataset, validation, layers, train } = run;
  const quiet = { ...context, reporter: context.reporter && stepsOnly(run, context.reporter) };
  const { stopped } = (await hasBegun(run))
    ? await resumeTraining({ run: folder, dataset, validation }, quiet)
    : await trainModel(
        { run: folder, name: condition, dataset, validation, model: { layers: [...layers] }, train },
        quiet,
      );
  if (stopped === 'interrupted')
    throw new RobleError('ROBLE_INTERRUPTED', 'The comparison was interrupted.', {
      nextSteps: ['The same command goes on from here.'],
    });
}

/** Names the work of a run to reporters. */
export function runId({ condition, seed }: PlannedRun): string {
  return `${condition}/seed-${seed}`;
}

/** Passes on the warnings of a training, and its steps as progress. */
function stepsOnly(run: PlannedRun, reporter: Reporter<TrainingProgress>): Reporter<TrainingProgress> {
  const total = run.train.epochs * run.train.maxStepsPerEpoch;
  return {
    report(event) {
      if (event.type === 'warning') reporter.report(event);
      if (event.type !== 'train' || event.event.kind !== 'step') return;
      const { epoch, step, stepsPerEpoch } = event.event;
      const done = (epoch - 1) * stepsPerEpoch + step;
      reporter.report({ type: 'progress', id: runId(run), done, total, unit: 'steps' });
    },
  };
}
