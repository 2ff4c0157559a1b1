import { isDeepStrictEqual } from 'node:util';
import { optional } from '../../../base/collections.js';
import type { Reporter } from '../../../base/context.js';
import { RobleError } from '../../../base/errors.js';
import { FeatureReader } from '../../../data/features/feature-table.js';
import type { Network } from '../../../model/network.js';
import type { PluginEntry, TrainingState } from '../../../plugin/contracts.js';
import { PluginRegistry } from '../../../plugin/registry.js';
import type { RunHistory } from '../../history/record.js';
import { HistoryWriter } from '../../history/writer.js';
import { checkLookAlikes } from '../../metrics/look-alikes.js';
import type { TrainOptions } from '../../settings.js';
import { stepsPerEpochOf } from '../batches/batch.js';
import {
  type CheckpointFolders,
  foldersOf,
  NOTHING_FOUND,
  newestOf,
  type PassedOver,
  storesOf,
} from '../checkpoints/store.js';
import { CheckpointWriter } from '../checkpoints/writer.js';
import { featureSamples, picturesOf } from '../evaluation/stream-predictions.js';
import { type MemoryState, MicrobatchRecord, memoryFor } from '../policies/memory.js';
import { readTunedWeights } from '../run/backbone.js';
import type { TrainingProgress } from '../run/events.js';
import { type RunRequest, writeRequest } from '../run/folder.js';
import { initialProgress, type RunProgress } from '../run/progress.js';
import { loadSubject, openRunData, openSession } from '../run/start.js';
import { startingWeights } from '../run/starting-weights.js';
import { chooseWeightDecay } from './choose-weight-decay.js';
import { featuresOfRun, type RunFeatures, standardization } from './features.js';
import { save } from './save.js';
import { obeyMicrobatchCeiling } from './step.js';
import { recordEvent, type TrainingRun } from './training-run.js';

/** What a training process begins with. */
export interface WorkerStart {
  readonly request: RunRequest;
  readonly plugins: readonly PluginEntry[];
  /** Go on from the newest good checkpoint, where there is one. */
  readonly resume: boolean;
  /** Given when the process before was ended for its memory. */
  readonly ceilings?: MemoryCeilings;
  /** What a resume changes, in words. */
  readonly settingsChange?: string;
}

/** Samples that may be in memory at once, at most. */
export interface MemoryCeilings {
  readonly microbatchSize?: number;
  readonly evaluationBatchSize?: number;
}

/**
 * Opens the data and the engine, and puts the newest good state of the run, or the first one, into it. Nothing of the
 * run is changed before all of it has proved to be usable.
 *
 * @returns undefined when asked to stop before the run could begin
 */
export async function openRun(
  { request, plugins, resume, ceilings = {}, settingsChange }: WorkerStart,
  { report, shouldStop }: Reporter<TrainingProgress> & Pick<TrainingRun, 'shouldStop'>,
): Promise<TrainingRun | undefined> {
  const data = await openRunData(request);
  const { manifest } = data.dataset;
  checkLookAlikes(request.train.twins, manifest.classes);
  const history = await HistoryWriter.open(request.run, (message) => report({ type: 'warning', message }));
  const folders = foldersOf(request);
  const { checkpoint: found, passedOver } = resume
    ? await newestOf(storesOf(folders), ({ progress }) => progress.run === request.id)
    : NOTHING_FOUND;
  const { dataFingerprint } = found?.progress ?? history.history.run;
  checkFingerprint(dataFingerprint, request, data.fingerprint);
  if (!found) refuseLostCheckpoints(history.history, folders);

  const loaded = await loadSubject(data.dataset, request);
  const validation = await data.validation.open('validation');
  const { train, network, training } = loaded;
  const { backbone } = request;
  const features =
    backbone &&
    (await featuresOfRun(
      { ...request, backbone },
      manifest,
      { training, validation },
      { plugins, report, shouldStop },
    ));
  if (backbone && !features) return undefined;
  const state = found?.state ?? (await firstState(network, manifest.classes, request, train, features));
  const registry = new PluginRegistry(plugins);
  const isChoosing = !found && features && train.head === 'auto';
  const choice =
    isChoosing &&
    (await chooseWeightDecay(
      { ...loaded, features: features.training },
      state,
      data.dataset.provenance('train'),
      registry,
      { report, shouldStop },
    ));
  if (isChoosing && !choice) return undefined;
  const weightDecay = found ? found.progress.weightDecay : choice ? choice.weightDecay : undefined;
  const subject = {
    ...loaded,
    ...(features && { features: features.training }),
    ...(weightDecay !== undefined && {
      train: { ...train, optimizer: { ...train.optimizer, weightDecay } },
    }),
  };
  const about = {
    run: request.id,
    dataFingerprint: data.fingerprint,
    memory: withEvaluationCeiling(memoryFor(train.batchSize, train, found?.progress.memory), ceilings),
    madeOn: madeOn(train),
    ...optional('weightDecay', weightDecay),
  };
  const progress = found ? { ...found.progress, ...about } : initialProgress(about);
  const sameMachine = found && isDeepStrictEqual(found.progress.madeOn, about.madeOn);
  const opened = await openSession(
    subject,
    {
      state,
      plan: sameMachine ? found.state.plan : undefined,
      microbatchSize: progress.memory.microbatchSize,
      firstStep: progress.step,
      masks: progress.masks ?? 'words',
    },
    registry,
  );
  for (const message of opened.session.warnings ?? []) report({ type: 'warning', message });

  const run: TrainingRun = {
    ...opened,
    request: { ...request, train },
    manifest,
    stepsPerEpoch: stepsPerEpochOf(opened.recipe),
    validation,
    judged: features
      ? featureSamples(new FeatureReader(features.validation), validation.labels)
      : picturesOf(validation),
    provenance: () => data.validation.provenance('validation'),
    history,
    checkpoints: new CheckpointWriter(folders),
    microbatches: await MicrobatchRecord.open(request.run),
    emit: (event) => report({ type: 'train', event }),
    shouldStop,
    progress,
    best: found?.best,
    savedAt: performance.now(),
  };
  // The settings that a resume changes are the run's from here on.
  await writeRequest(request);
  await history.describe({ ...request, dataFingerprint: data.fingerprint });
  await begin(run, resume, passedOver, state);
  if (choice)
    await recordEvent(run, {
      event: 'weight-decay-chosen',
      detail: `${choice.weightDecay} by cross-validation: ${choice.losses.map(([decay, loss]) => `loss ${loss.toFixed(4)} with ${decay}`).join(', ')}`,
    });
  if (settingsChange) await recordEvent(run, { event: 'settings-changed', detail: settingsChange });
  if (found && !isDeepStrictEqual((await run.session.exportState()).plan, found.state.plan))
    await recordEvent(run, {
      event: 'settings-changed',
      detail: 'the engine computes in another way on this machine: the weights will differ in the last bits',
    });
  if (!found) await save(run, { scheduled: true });
  if (ceilings.microbatchSize !== undefined) await obeyMicrobatchCeiling(run, ceilings.microbatchSize);
  return run;
}

/** A run with a history and without a checkpoint has lost them: to start again would throw its history away. */
function refuseLostCheckpoints({ epochs }: RunHistory, { folder, fallback }: CheckpointFolders): void {
  if (epochs.length === 0) return;
  throw new RobleError('ROBLE_CHECKPOINT_INVALID', 'The run has no checkpoint that can be read any more.', {
    received: `a history of ${epochs.length} epochs, and no usable checkpoint in ${[folder, fallback].filter(Boolean).join(' or ')}`,
    expected: 'a checkpoint',
    nextSteps: [
      'Make the folder available again, if it is on a disk that is not mounted.',
      'Or begin a new run from the exported model with "roble train --from RUN/model".',
    ],
  });
}

async function firstState(
  network: Network,
  classes: readonly string[],
  { run, tuned }: RunRequest,
  { seed, from }: TrainOptions,
  features: RunFeatures | undefined,
): Promise<TrainingState> {
  const { parameters } = await startingWeights(
    network,
    classes,
    seed,
    from,
    tuned && (await readTunedWeights(run)),
  );
  const fixed = features && standardization(features);
  return { step: 0, parameters: { ...parameters, ...fixed }, optimizer: {}, plan: null };
}

function madeOn({ engine, device, threads }: TrainOptions): RunProgress['madeOn'] {
  return { engine, device, threads };
}

function withEvaluationCeiling(
  memory: MemoryState,
  { evaluationBatchSize = Number.POSITIVE_INFINITY }: MemoryCeilings,
) {
  return { ...memory, evaluationBatchSize: Math.min(memory.evaluationBatchSize, evaluationBatchSize) };
}

/** A run goes on with the data that it began with, or not at all. */
function checkFingerprint(known: unknown, { dataset, validation }: RunRequest, fingerprint: string): void {
  if (known === undefined || known === fingerprint) return;
  const message =
    validation === undefined
      ? `The data set ${dataset} is not the one that the run began with.`
      : `The data sets ${dataset} and, for validation, ${validation} are not those that the run began with.`;
  throw new RobleError('ROBLE_RESUME_REFUSED', message, {
    received: `fingerprint ${fingerprint.slice(0, 12)}...`,
    expected: `fingerprint ${String(known).slice(0, 12)}...`,
    nextSteps: [
      'Give the data set of the run, or begin a new run on this one with "roble train --from BUNDLE".',
    ],
  });
}

/** Reports and records that the run begins or goes on, and which checkpoints were passed over for it. */
async function begin(
  run: TrainingRun,
  resume: boolean,
  passedOver: readonly PassedOver[],
  { parameters }: TrainingState,
): Promise<void> {
  const { request, progress, history, emit, recipe, validation } = run;
  if (resume) await history.goOnAfter(progress.step, progress.epochs);
  emit({
    kind: 'started',
    run: request.run,
    epochs: request.train.epochs,
    stepsPerEpoch: run.stepsPerEpoch,
    device: request.train.device,
    model: request.name,
    parameters: Object.values(parameters).reduce((sum, { data }) => sum + data.length, 0),
    trainCount: recipe.labels.length,
    validationCount: validation.count,
    monitor: request.train.monitor,
    batchSize: recipe.batchSize,
    firstStep: progress.step,
    history: progress.epochs.map((record) => ({ ...record })),
  });
  if (resume) await recordEvent(run, { event: 'resumed' });
  // The view has just heard of it.
  else await history.event({ event: 'started', step: progress.step });
  for (const { reason } of passedOver)
    await recordEvent(run, { event: 'checkpoint-passed-over', detail: reason });
}
