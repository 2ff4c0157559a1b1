import { spawn } from 'node:child_process';
import { RobleError, z } from 'roble/plugin';

const options = z.strictObject({
  command: z.array(z.string().min(1)).min(1).describe('The program and its arguments.'),
  timeoutMs: z.int().min(1).default(30_000).describe('How long a batch may take; then the program is ended.'),
});

/**
 * Lets a program compute, over its standard input and output. It gets the path of the model in ROBLE_MODEL, and what a
 * picture is in ROBLE_WIDTH, ROBLE_HEIGHT, ROBLE_CHANNELS and ROBLE_CLASSES. A request is the number of pictures (uint32,
 * little-endian) and their pixels (uint8, [count, height, width, channels]); the answer is the probabilities (float32,
 * little-endian, [count, classes]).
 *
 * @type {import('roble/plugin').ServingBackend<import('zod').output<typeof options>>}
 */
export const plugin = {
  name: 'process',
  options,
  async load(model, { options: { command, timeoutMs } }) {
    return new Program(model, command, timeoutMs);
  },
};

class Program {
  #child;
  #classes;
  #timeoutMs;
  /** What the program wrote, and was not read yet. */
  #received = Buffer.alloc(0);
  /** The one that waits for an answer. */
  #waiting;
  /** Why the program can be asked no longer. */
  #failure;
  /** Calls take turns: the answers come in the order of the requests. */
  #turn = Promise.resolve();

  constructor({ folder, input, classes }, [program, ...args], timeoutMs) {
    this.#classes = classes.length;
    this.#timeoutMs = timeoutMs;
    const env = {
      ...process.env,
      ROBLE_MODEL: `${folder}/model.onnx`,
      ROBLE_WIDTH: String(input.width),
      ROBLE_HEIGHT: String(input.height),
      ROBLE_CHANNELS: String(input.channels),
      ROBLE_CLASSES: String(classes.length),
    };
    this.#child = spawn(program, args, { env, stdio: ['pipe', 'pipe', 'inherit'] });
    this.#child.on('error', (cause) =>
      this.#fail(`The program ${program} could not be started: ${cause.message}.`),
    );
    this.#child.on('exit', (code, signal) =>
      this.#fail(`The program ${program} ended with ${signal ?? `code ${code}`}.`),
    );
    // What it cannot take it has not answered either: the end of the program says so.
    this.#child.stdin.on('error', () => {});
    this.#child.stdout.on('data', (chunk) => {
      this.#received = Buffer.concat([this.#received, chunk]);
      this.#deliver();
    });
  }

  async warmUp() {}

  predict(images, count) {
    const answer = this.#turn.then(() => this.#ask(images, count));
    this.#turn = answer.then(
      () => {},
      () => {},
    );
    return answer;
  }

  async checkHealth() {
    if (this.#failure) throw this.#failure;
  }

  async close() {
    this.#child.kill();
  }

  async #ask(images, count) {
    if (this.#failure) throw this.#failure;
    const header = Buffer.alloc(4);
    header.writeUInt32LE(count);
    const timer = setTimeout(() => {
      this.#fail(`The program did not answer within ${this.#timeoutMs} ms.`);
      this.#child.kill('SIGKILL');
    }, this.#timeoutMs);
    try {
      return await new Promise((resolve, reject) => {
        this.#waiting = { bytes: 4 * count * this.#classes, resolve, reject };
        this.#child.stdin.write(header);
        this.#child.stdin.write(images);
      });
    } finally {
      clearTimeout(timer);
    }
  }

  #deliver() {
    const { bytes, resolve } = this.#waiting ?? {};
    if (bytes === undefined || this.#received.length < bytes) return;
    const answer = new Uint8Array(this.#received.subarray(0, bytes));
    this.#received = this.#received.subarray(bytes);
    this.#waiting = undefined;
    resolve(new Float32Array(answer.buffer));
  }

  #fail(message) {
    this.#failure ??= new RobleError('ROBLE_SERVER_UNREACHABLE', message, {
      nextSteps: ['See what it wrote on standard error, and "command" in serve.backendOptions.'],
    });
    this.#waiting?.reject(this.#failure);
    this.#waiting = undefined;
  }
}
