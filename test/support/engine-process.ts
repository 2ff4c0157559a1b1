/** Training sessions of the engine `onnx` in a process of their own, which a crash of a driver takes with it. */
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { ModelSpec } from '../../src/core/model/spec.js';
import {
  type Device,
  type EngineOptions,
  RobleError,
  type SerializedError,
  type TrainingSession,
} from '../../src/core/plugin/index.js';

type EngineCall = 'devices' | 'load' | 'memory' | 'open' | 'forward';

interface EngineReply {
  readonly call: number;
  readonly value?: unknown;
  readonly error?: SerializedError;
}

type Pending = { resolve(value: unknown): void; reject(error: Error): void };

export class EngineProcess {
  readonly #child: ChildProcess;
  readonly #pending = new Map<number, Pending>();
  #words = '';
  #count = 0;

  constructor(environment: Readonly<Record<string, string>>) {
    this.#child = fork(fileURLToPath(new URL('engine-process-child.js', import.meta.url)), [], {
      env: { ...process.env, ...environment },
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    this.#child.stderr!.on('data', (text) => {
      this.#words += text;
    });
    this.#child.on('message', ({ call, value, error }: EngineReply) => {
      const { resolve, reject } = this.#pending.get(call)!;
      this.#pending.delete(call);
      if (error) reject(RobleError.fromJSON(error));
      else resolve(value);
    });
    this.#child.on('exit', (code, signal) => {
      for (const { reject } of this.#pending.values())
        reject(new Error(`The engine's process ended with ${signal ?? code}: ${this.#words}`));
    });
  }

  devices(): Promise<Device[]> {
    return this.#call('devices') as Promise<Device[]>;
  }

  /** Creates a bare session on a graph, as the engine does. */
  load(model: Uint8Array, device: string): Promise<unknown> {
    return this.#call('load', model, device);
  }

  /** Bytes of memory that the process holds. */
  memory(): Promise<number> {
    return this.#call('memory') as Promise<number>;
  }

  async open(model: ModelSpec, options: EngineOptions): Promise<TrainingSession> {
    const session = await this.#call('open', model, options);
    const forward =
      (method: string) =>
      (...words: unknown[]) =>
        this.#call('forward', session, method, words);
    return new Proxy({} as TrainingSession, {
      get: (_target, method) => (method === 'then' ? undefined : forward(String(method))),
    });
  }

  async end(): Promise<void> {
    const closed = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.disconnect();
    await closed;
  }

  #call(name: EngineCall, ...words: unknown[]): Promise<unknown> {
    const call = this.#count++;
    return new Promise((resolve, reject) => {
      this.#pending.set(call, { resolve, reject });
      this.#child.send({ call, name, words });
    });
  }
}
