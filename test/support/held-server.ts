import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type CreateServerOptions, createRegistry, createServer, type RobleServer } from '../../src/index.js';
import { type TinyBundleOptions, tinyBundle } from './tiny-bundle.js';

declare global {
  /** Called by the backend for each batch, which is answered when this resolves. */
  var holdBatch: ((images: Uint8Array, count: number) => Promise<void>) | undefined;
}

/** A batch that the model has, and has not answered. */
export interface HeldBatch {
  /** uint8, [count, 8, 8, 1] */
  readonly images: Uint8Array;
  readonly count: number;
  answer(): void;
}

/** A server whose model answers when it is told to. */
export interface HeldServer extends RobleServer {
  /** In the order in which the model got them. */
  readonly batches: readonly HeldBatch[];
  /** Answers what was held, and all that comes, at once. */
  letGo(): void;
}

/**
 * One at a time, in the process of the test.
 *
 * @param folder where its model is written
 */
export async function startHeldServer(
  folder: string,
  bundle: TinyBundleOptions = {},
  options: Partial<CreateServerOptions> = {},
): Promise<HeldServer> {
  const registry = createRegistry();
  const module = pathToFileURL(join(import.meta.dirname, 'held-backend.js')).href;
  registry.register({ name: 'held', apiVersion: 1, kind: 'serving-backend', module });
  // It tells no class from another, and so do the golden outputs of its model.
  const model = await tinyBundle(folder, { ...bundle, golden: () => 0.25 });
  const server = await createServer(
    // What is held is never too late, however long the test takes.
    { model, port: 0, workers: 0, backend: 'held', requestTimeoutMs: 600_000, ...options },
    { registry },
  );
  const batches: HeldBatch[] = [];
  globalThis.holdBatch = (images, count) =>
    new Promise((answer) => {
      batches.push({ images, count, answer });
    });
  const letGo = () => {
    globalThis.holdBatch = undefined;
    for (const { answer } of batches) answer();
  };
  const close = () => {
    letGo();
    return server.close();
  };
  // The model that is served may change.
  return Object.create(server, Object.getOwnPropertyDescriptors({ batches, letGo, close }));
}
