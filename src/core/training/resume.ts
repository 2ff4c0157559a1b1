import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { checked } from '../checked.js';
import { mergeSettings } from '../config/merge.js';
import { type TrainOptions, trainSchema } from '../config/schema.js';
import type { Context } from '../context.js';
import { RobleError } from '../errors.js';
import { HistoryWriter } from '../history/history-writer.js';
import { readHistory } from '../history/read-run.js';
import { RUN_FILES, type RunHistory } from '../history/record.js';
import { layerSchema } from '../model/spec.js';
import type { PluginRegistry } from '../plugin/registry.js';
import { replaceFile } from '../storage/durable.js';
import type { RunOutcome, RunRequest } from './messages.js';
import { bestEpoch } from './policies/early-stopping.js';
import { lockRunFolder } from './run-folder.js';
import { changedSettings, checkChanges, describeChange } from './settings-change.js';
import { superviseRun } from './supervisor/supervise.js';
import type { TrainResult } from './train.js';

export interface ResumeOptions {
  /** Folder of the run. */
  readonly run: string;
  /** Where the data set lies now; by default where it was. It must be the same data. */
  readonly dataset?: string | undefined;
  /** Settings to change, see {@link checkChanges}; what is left out stays as it was. */
  readonly train?: { readonly [Key in keyof TrainOptions]?: unknown } | undefined;
}

const requestSchema: z.ZodType<RunRequest> = z.object({
  name: z.string(),
  run: z.string(),
  dataset: z.string(),
  layers: z.array(layerSchema),
  train: trainSchema,
});

/**
 * Goes on with a run from its newest good checkpoint, at the very step. With the settings unchanged, the weights at
 * the end are those of a run that was never interrupted, bit for bit.
 *
 * @throws {RobleError} `ROBLE_RUN_INVALID`, `ROBLE_RUN_LOCKED`, `ROBLE_RESUME_REFUSED`, and what `trainModel` throws.
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
      mergeSettings(before.train, options.train ?? {}),
      'ROBLE_CONFIG_INVALID',
      'The settings to change are not valid.',
    );
    const history = await historyOf(folder.path);
    const changes = changedSettings(before.train, train);
    checkChanges(changes, history?.epochs.length ?? 0);
    const dataset = options.dataset === undefined ? before.dataset : resolve(options.dataset);
    const request: RunRequest = { ...before, run: folder.path, dataset, train };
    const finished = history && finishedOutcome(request, history);
    if (finished) return { run: folder.path, ...finished };
    await replaceFile(join(folder.path, RUN_FILES.request), `${JSON.stringify(request, null, 2)}\n`);
    if (changes.length > 0) {
      const detail = changes.map((change) => describeChange(change, before, train, history)).join('; ');
      await recordChange(request, detail, context);
    }
    return { run: folder.path, ...(await superviseRun(request, true, folder, context)) };
  } finally {
    await folder.release();
  }
}

async function readRequest(run: string): Promise<RunRequest> {
  const path = join(run, RUN_FILES.request);
  const invalid = (received: string, cause: unknown) =>
    new RobleError('ROBLE_RUN_INVALID', `${run} holds no training run.`, {
      received,
      expected: `a folder with ${RUN_FILES.request}, as "roble train" makes it`,
      cause,
    });
  const text = await readFile(path, 'utf8').catch((cause) => {
    throw invalid(`no ${RUN_FILES.request}`, cause);
  });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw invalid((cause as Error).message, cause);
  }
  return checked(requestSchema, value, 'ROBLE_RUN_INVALID', `${path} is not of the expected form.`);
}

/** Undefined when the run ended before it wrote any. */
async function historyOf(run: string): Promise<RunHistory | undefined> {
  return readHistory(run).catch((error) => {
    if (RobleError.from(error).code === 'ROBLE_FILE_NOT_FOUND') return undefined;
    throw error;
  });
}

/** The outcome of a run that has nothing left to do. */
function finishedOutcome({ train, run }: RunRequest, { epochs, events }: RunHistory): RunOutcome | undefined {
  const stopped = events.at(-1)?.event;
  const isDone = stopped === 'stopped-early' || (stopped === 'completed' && epochs.length >= train.epochs);
  if (!isDone) return undefined;
  const best = bestEpoch(epochs, train.monitor);
  return { stopped, epochs: epochs.length, best, bundle: best && join(run, RUN_FILES.model) };
}

async function recordChange(request: RunRequest, detail: string, { reporter }: Context): Promise<void> {
  const history = await HistoryWriter.open(request.run, (message) =>
    reporter?.report({ type: 'warning', message }),
  );
  const step = history.history.epochs.at(-1)?.step ?? 0;
  const event = await history.event({ event: 'settings-changed', step, detail });
  reporter?.report({ type: 'train', event: { kind: 'incident', event } });
}
