import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { FastifyInstance } from 'fastify';
import { checked } from '../checked.js';
import { type ServeOptions, serveSchema } from '../config/schema.js';
import { type Context, withStep } from '../context.js';
import { RobleError } from '../errors.js';
import { openBundle } from '../model/bundle.js';
import type { PluginRegistry } from '../plugin/registry.js';
import { Admission } from './admission.js';
import { createApp } from './app.js';
import { AnswerCache } from './cache/answer-cache.js';
import { InferencePool } from './inference-pool.js';

/** Images that the server has in hand at most, or several full batches. */
const MAX_IMAGES = 1024;
const MAX_BATCHES = 4;

/** Time for clients that keep their connection to hear that it ends, before idle connections are cut. */
const FAREWELL_MS = 250;

export interface CreateServerOptions extends Partial<ServeOptions> {
  /** Folder of the model bundle. */
  readonly model: string;
}

/** A server that listens. */
export interface RobleServer {
  /** Such as `http://127.0.0.1:8080`. */
  readonly url: string;
  readonly address: AddressInfo;
  /** The model that it serves. */
  readonly model: { readonly name: string; readonly digest: string; readonly classes: readonly string[] };
  /** Stops: refuses new work, finishes what is in flight within `shutdownTimeoutMs`, ends the workers. */
  close(): Promise<void>;
}

/**
 * Starts an HTTP server that answers predictions, with inference in processes of its own. It listens when every worker
 * has loaded and checked the model.
 *
 * @throws {RobleError} `ROBLE_CONFIG_INVALID`, `ROBLE_FILE_NOT_FOUND`, `ROBLE_BUNDLE_INVALID`, `ROBLE_PLUGIN_UNKNOWN`,
 *   `ROBLE_DEVICE_UNAVAILABLE`, `ROBLE_PORT_IN_USE`.
 *
 * @example
 * const server = await createServer({ model: 'runs/run-0001/model', port: 0 });
 * await fetch(`${server.url}/predict`, { method: 'POST', headers: { 'content-type': 'image/png' }, body });
 * await server.close();
 */
export async function createServer(
  { model, ...given }: CreateServerOptions,
  context: Context & { registry: PluginRegistry },
): Promise<RobleServer> {
  const options = checked(
    serveSchema,
    given,
    'ROBLE_CONFIG_INVALID',
    'The options of the server are not valid.',
  );
  const warn = (message: string) => context.reporter?.report({ type: 'warning', message });
  const bundle = await openBundle(model);
  const { backend, device, threads, workers } = options;
  const pool = await withStep(context, 'workers', 'Loading the model', () =>
    InferencePool.start({
      bundle,
      workers,
      timeoutMs: options.inferenceTimeoutMs,
      predictor: { backend, device, threads },
      plugins: context.registry.entries,
      warn,
    }),
  );
  const admission = new Admission(Math.max(MAX_IMAGES, MAX_BATCHES * options.maxBatch));
  let stopping = false;
  const cache = await AnswerCache.open({
    modelDigest: bundle.digest,
    classes: bundle.classes.length,
    memoryBytes: options.cache.memoryBytes,
    redisUrl: options.cache.url,
    ttlSeconds: options.cache.ttlSeconds,
    warn,
  });
  try {
    const app = await createApp({
      bundle,
      pool,
      cache,
      admission,
      options,
      isStopping: () => stopping,
      warn,
    });
    const url = await listen(app, options);
    let closed: Promise<void> | undefined;
    return {
      url,
      address: app.server.address() as AddressInfo,
      model: { name: bundle.manifest.name, digest: bundle.digest, classes: bundle.classes },
      close: () => {
        stopping = true;
        closed ??= drain(app, options.shutdownTimeoutMs).finally(() => {
          cache.close();
          return pool.close();
        });
        return closed;
      },
    };
  } catch (error) {
    cache.close();
    await pool.close();
    throw error;
  }
}

async function listen(app: FastifyInstance, { host, port }: ServeOptions): Promise<string> {
  try {
    return await app.listen({ host, port });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EADDRINUSE' && code !== 'EACCES' && code !== 'EADDRNOTAVAIL' && code !== 'ENOTFOUND')
      throw error;
    throw new RobleError('ROBLE_PORT_IN_USE', `The server cannot listen on ${host}:${port} (${code}).`, {
      received: `${host}:${port}`,
      expected: 'a free address of this machine',
      nextSteps: ['Choose another port with --port, or 0 for any free one.'],
      cause: error,
    });
  }
}

/**
 * Lets what is in flight finish. Answers say `Connection: close` by now, so a busy client leaves by itself; cutting its
 * connection between two requests could cross the second on its way.
 */
async function drain(app: FastifyInstance, timeoutMs: number): Promise<void> {
  const deadline = setTimeout(() => app.server.closeAllConnections(), timeoutMs);
  await untilClientsLeft(app.server, Math.min(FAREWELL_MS, timeoutMs));
  await app.close();
  clearTimeout(deadline);
}

async function untilClientsLeft(server: Server, limitMs: number): Promise<void> {
  const countConnections = promisify(server.getConnections.bind(server));
  const end = performance.now() + limitMs;
  while (performance.now() < end && (await countConnections()) > 0) await sleep(10);
}
