import { RobleError } from '../../base/errors.js';
import type { FromInferenceWorker, InferenceAnswer } from './inference-messages.js';

/** What computes with a loaded model, one call after the other: a process of its own, or this one. */
export interface InferenceRunner {
  readonly processId: number | undefined;
  /** @param images uint8, [count, height, width, channels] */
  predict(images: Uint8Array, count: number): void;
  /** Ends it at once. */
  kill(): Promise<void>;
}

export interface InferenceRunnerEvents {
  /** It has the model and can take work. */
  ready(): void;
  /** Whether it could answer has changed. */
  health(problem: string | undefined): void;
  answered(message: InferenceAnswer): void;
  /** It wrote a line on its standard error, as native code does. */
  wrote(line: string): void;
  /** It is gone, or could not be started. Comes once, last. */
  ended(error: Error): void;
}

/** Tells the events of a message; gives the error of a model that cannot be loaded, with which the runner has to end. */
export function tell(events: InferenceRunnerEvents, message: FromInferenceWorker): RobleError | undefined {
  if (message.type === 'failed' && message.during === 'load') return RobleError.fromJSON(message.error);
  if (message.type === 'ready') events.ready();
  else if (message.type === 'health') events.health(message.problem);
  else events.answered(message);
  return undefined;
}
