import { type ChildProcess, fork } from 'node:child_process';
import { join, resolve } from 'node:path';
import { checked } from '../checked.js';
import type { ModelChoice, TrainOptions } from '../config/schema.js';
import { modelSchema, trainSchema } from '../config/schema.js';
import type { Context } from '../context.js';
import { RobleError } from '../errors.js';
import { layersOf } from '../model/presets.js';
import { childModule } from '../module-url.js';
import type { PluginRegistry } from '../plugin/registry.js';
import { writeSynced } from '../storage/durable.js';
import type { FromWorker, RunOutcome, RunRequest, ToWorker } from './messages.js';
import { claimRunFolder, nextRunFolder } from './run-folder.js';

export interface TrainModelOptions {
  /** Name of the model, kept in the bundle. */
  readonly name?: string;
  /** Folder of a data set with the splits `train` and `validation`. */
  readonly dataset: string;
  /** A preset or layers; by default the preset `cnn-v2`. */
  readonly model?: ModelChoice;
  /** Folder of the runs, in which the run gets the next number. */
  readonly runs?: string;
  /** Folder of this run; it must be new or empty. Instead of `runs`. */
  readonly run?: string;
  /** Everything else; what is left out has the defaults of the configuration. */
  readonly train?: Partial<TrainOptions>;
}

export interface TrainResult extends RunOutcome {
  readonly run: string;
}

/** Bytes of the worker's last words that are kept for an error message. */
const LAST_WORDS = 4000;

/**
 * Trains a classifier in a process of its own, and exports the best epoch as a model bundle.
 * Aborting `context.signal` saves a checkpoint at the next step and ends with `stopped: 'interrupted'`.
 *
 * @throws {RobleError} `ROBLE_CONFIG_INVALID`, `ROBLE_RUN_LOCKED`, `ROBLE_RUN_EXISTS`, `ROBLE_DATASET_SPLIT`, `ROBLE_MODEL_INVALID`,
 * `ROBLE_TRAIN_NOT_FINITE`, `ROBLE_WORKER_DIED`.
 */
export async function trainModel(
  options: TrainModelOptions,
  context: Context & { registry: PluginRegistry },
): Promise<TrainResult> {
  const train = checked(
    trainSchema,
    options.train ?? {},
    'ROBLE_CONFIG_INVALID',
    'The training options are not valid.',
  );
  const model = options.model ?? { preset: 'cnn-v2' };
  const layers = layersOf(checked(modelSchema, model, 'ROBLE_MODEL_INVALID', 'The model is not valid.'));
  const folder = await claimRunFolder(options.run ?? (await nextRunFolder(options.runs ?? 'runs')));
  try {
    const request: RunRequest = {
      name: options.name ?? 'classifier',
      run: folder.path,
      dataset: resolve(options.dataset),
      layers,
      train,
    };
    await writeSynced(join(folder.path, 'run.json'), `${JSON.stringify(request, null, 2)}\n`);
    return { run: folder.path, ...(await superviseWorker(request, context)) };
  } finally {
    await folder.release();
  }
}

/** Starts the worker, passes its events on and its stop request to it, and waits for its end. */
function superviseWorker(
  request: RunRequest,
  { signal, reporter, registry }: Context & { registry: PluginRegistry },
): Promise<RunOutcome> {
  const { path, execArgv } = childModule(import.meta.url, './worker.js');
  const child = fork(path, [], {
    execArgv,
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  const tell = (message: ToWorker) => child.connected && child.send(message, () => {});
  const stop = () => {
    reporter?.report({
      type: 'train',
      event: { kind: 'stopping', reason: 'interrupted: saving a checkpoint at the next step' },
    });
    tell({ type: 'stop' });
  };
  const lastWords = collectLastWords(child);
  return new Promise<RunOutcome>((settle, fail) => {
    let ended = false;
    child.on('message', (message: FromWorker) => {
      if (message.type === 'event') return reporter?.report({ type: 'train', event: message.event });
      ended = true;
      if (message.type === 'done') settle(message.outcome);
      else fail(RobleError.fromJSON(message.error));
    });
    child.on('error', fail);
    child.on('exit', (code, killedBy) => {
      signal?.removeEventListener('abort', stop);
      if (!ended) fail(workerDied(code, killedBy, lastWords()));
    });
    tell({ type: 'start', request, plugins: registry.entries });
    if (signal?.aborted) stop();
    else signal?.addEventListener('abort', stop, { once: true });
  });
}

function collectLastWords(child: ChildProcess): () => string {
  let text = '';
  child.stderr!.setEncoding('utf8').on('data', (chunk: string) => {
    text = (text + chunk).slice(-LAST_WORDS);
  });
  return () => text.trim();
}

function workerDied(code: number | null, killedBy: NodeJS.Signals | null, lastWords: string): RobleError {
  return new RobleError('ROBLE_WORKER_DIED', 'The training process ended before the training did.', {
    received: [killedBy ? `signal ${killedBy}` : `exit code ${code}`, lastWords].filter(Boolean).join(': '),
    expected: 'an end with a result',
    nextSteps: [
      ...(killedBy === 'SIGKILL'
        ? ['The system may have run out of memory: use a smaller train.batchSize.']
        : []),
      'The checkpoints and the history up to then are in the run folder.',
    ],
  });
}
