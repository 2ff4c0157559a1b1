import { openDataset } from '../dataset/open.js';
import { RobleError } from '../errors.js';
import { dropoutMaskSpecs } from '../model/dropout.js';
import { initialParameters } from '../model/initialize.js';
import { resolveNetwork } from '../model/network.js';
import { PluginRegistry } from '../plugin/registry.js';
import { BatchSource } from './batch-source.js';
import { type BatchRecipe, stepsPerEpochOf } from './fill-batch.js';
import { HistoryWriter } from './history.js';
import { runTrainingLoop } from './loop.js';
import type { FromWorker, RunOutcome, ToWorker } from './messages.js';

/**
 * The training worker: owns the engine, the state, the checkpoints and the history. It hears the supervisor between
 * two steps. Signals of the terminal are the supervisor's; when the supervisor is gone, the worker saves and ends.
 */
let stopAsked = false;

process.on('SIGINT', () => {});
process.on('SIGTERM', () => {
  stopAsked = true;
});
process.on('disconnect', () => {
  stopAsked = true;
});
process.on('message', (message: ToWorker) => {
  if (message.type === 'stop') stopAsked = true;
  else
    work(message).then(
      (outcome) => finish({ type: 'done', outcome }),
      (error) => finish({ type: 'failed', error: RobleError.from(error).toJSON() }),
    );
});

function send(message: FromWorker): void {
  if (process.connected) process.send!(message);
}

/** Leaves when the message is on its way; open handles of native libraries must not keep the process. */
function finish(message: FromWorker): void {
  if (!process.connected) process.exit(0);
  process.send!(message, () => process.exit(0));
}

async function work({ request, plugins }: Extract<ToWorker, { type: 'start' }>): Promise<RunOutcome> {
  const { train, run } = request;
  const dataset = await openDataset(request.dataset);
  const { manifest } = dataset;
  const [training, validation] = [await dataset.load('train'), await dataset.load('validation')];
  const { width, height, channels } = manifest.preprocessing;
  const model = {
    input: { width, height, channels },
    classes: manifest.classes.length,
    layers: request.layers,
  };
  const network = resolveNetwork(model);
  const batchSize = fittingBatchSize(train.batchSize, training.count);
  const engine = await new PluginRegistry(plugins).load('training-engine', train.engine);
  const session = await engine.open(model, { ...train, batchSize });
  const parameters = initialParameters(network, train.seed);
  await session.importState({ step: 0, parameters, optimizer: {}, plan: null });

  const recipe: BatchRecipe = {
    images: training.images,
    labels: training.labels,
    imageSize: width * height * channels,
    classes: model.classes,
    batchSize,
    seed: train.seed,
    labelSmoothing: train.labelSmoothing,
    dropout: dropoutMaskSpecs(network),
  };
  const stepsPerEpoch = stepsPerEpochOf(recipe);
  const batches = new BatchSource(recipe, 0);
  const history = new HistoryWriter(run, { ...request, dataFingerprint: manifest.fingerprint });
  await history.start();
  await history.event('started', 0);
  send({
    type: 'event',
    event: {
      kind: 'started',
      run,
      epochs: train.epochs,
      stepsPerEpoch,
      device: train.device,
      model: request.name,
      parameters: Object.values(parameters).reduce((sum, { data }) => sum + data.length, 0),
      trainCount: training.count,
      validationCount: validation.count,
    },
  });
  try {
    return await runTrainingLoop({
      request: { ...request, train: { ...train, batchSize } },
      manifest,
      session,
      batches,
      stepsPerEpoch,
      validation,
      history,
      emit: (event) => send({ type: 'event', event }),
      shouldStop: () => stopAsked,
    });
  } finally {
    await batches.close();
    await session.close();
  }
}

/** A training set smaller than a batch gives one batch of all of it. */
function fittingBatchSize(batchSize: number, count: number): number {
  return Math.min(batchSize, count);
}
