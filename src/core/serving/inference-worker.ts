/** The inference process: a crash of native code takes only this one with it. It ends when its parent is gone. */
import { setTimeout as sleep } from 'node:timers/promises';
import { RobleError } from '../errors.js';
import type { Predictor } from '../plugin/api.js';
import { PluginRegistry } from '../plugin/registry.js';
import { openPredictor } from '../predict/open-predictor.js';
import type { FromInferenceWorker, ToInferenceWorker } from './inference-messages.js';

type Message<Type extends ToInferenceWorker['type']> = Extract<ToInferenceWorker, { type: Type }>;

/** Between two questions whether the backend could answer. */
const HEALTH_CHECK_MS = 2000;

let predictor: Predictor | undefined;

// A terminal sends Ctrl-C to the whole group; when to stop is for the server to say.
process.on('SIGINT', () => {});
process.on('SIGTERM', () => {});
process.on('disconnect', () => process.exit(0));
process.on('message', (message: ToInferenceWorker) => {
  const answer = message.type === 'load' ? load(message) : predict(message);
  answer.then(send, (error) =>
    send({ type: 'failed', during: message.type, error: RobleError.from(error).toJSON() }),
  );
});

function send(message: FromInferenceWorker): void {
  if (process.connected) process.send!(message);
}

async function load(message: Message<'load'>): Promise<FromInferenceWorker> {
  const opened = await openPredictor(message.folder, message.options, new PluginRegistry(message.plugins));
  if (opened.bundle.digest !== message.digest)
    throw new RobleError('ROBLE_BUNDLE_INVALID', `Another bundle lies in ${message.folder} now.`, {
      received: opened.bundle.digest,
      expected: message.digest,
      nextSteps: ['Send the server SIGHUP, or start it again, to serve the new one.'],
    });
  predictor = opened.predictor;
  void watchHealth(predictor);
  return { type: 'ready' };
}

async function predict({ images, count }: Message<'predict'>): Promise<FromInferenceWorker> {
  return { type: 'result', probabilities: await predictor!.predict(images, count) };
}

async function watchHealth(watched: Predictor): Promise<void> {
  if (!watched.checkHealth) return;
  let before: string | undefined;
  while (await sleep(HEALTH_CHECK_MS, true)) {
    const problem = await watched.checkHealth().then(
      () => undefined,
      (error: Error) => error.message,
    );
    if ((problem === undefined) !== (before === undefined)) send({ type: 'health', problem });
    before = problem;
  }
}
