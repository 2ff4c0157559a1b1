import { type ChildProcess, fork } from 'node:child_process';
import { createInterface } from 'node:readline';
import { RobleError } from '../../base/errors.js';
import type { FromInferenceWorker, ToInferenceWorker } from './inference.js';
import { type InferenceRunner, type InferenceRunnerEvents, tell } from './inference.js';

/** One inference process. */
export class InferenceProcess implements InferenceRunner {
  readonly #child: ChildProcess;
  readonly #ended: Promise<void>;

  constructor(load: Extract<ToInferenceWorker, { type: 'load' }>, events: InferenceRunnerEvents) {
    this.#child = fork(new URL('./worker.js', import.meta.url), [], {
      execArgv: [],
      serialization: 'advanced',
      // Shared, standard error would block the server when nobody reads it: a child takes the flag off that prevents it.
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    createInterface({ input: this.#child.stderr! }).on('line', events.wrote);
    let failure: Error | undefined;
    this.#child.on('message', (message: FromInferenceWorker) => {
      failure ??= tell(events, message);
      if (failure) this.#child.kill('SIGKILL');
    });
    this.#ended = new Promise((resolve) => {
      const end = (error: Error) => {
        resolve();
        events.ended(failure ?? error);
      };
      this.#child.once('exit', (code, signal) => end(died(`with ${signal ?? `exit code ${code}`}`)));
      this.#child.on('error', (error) => {
        // Without a process there is no exit to wait for.
        if (this.#child.pid === undefined) end(died(`before it started: ${error.message}`));
      });
    });
    this.#send(load);
  }

  get processId(): number | undefined {
    return this.#child.pid;
  }

  predict(images: Uint8Array, count: number): void {
    this.#send({ type: 'predict', images, count });
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#ended;
  }

  /** A message to a process that is dying is lost; its end, which follows, takes care of the work. */
  #send(message: ToInferenceWorker): void {
    if (this.#child.connected) this.#child.send(message, () => {});
  }
}

function died(how: string): RobleError {
  return new RobleError('ROBLE_WORKER_DIED', `An inference process ended ${how}.`);
}
