import { type ServeOptions, serveSchema } from '../config/schema.js';
import { type Context, withStep } from '../context.js';
import { RobleError } from '../errors.js';
import { openBundle } from '../model/bundle.js';
import type { PluginRegistry } from '../plugin/registry.js';
import { createApp } from './app.js';
import { InferencePool } from './inference-pool.js';

export interface CreateServerOptions extends Partial<ServeOptions> {
  /** Folder of the model bundle. */
  readonly model: string;
}

/** A server that listens. */
export interface RobleServer {
  /** Such as `http://127.0.0.1:8080`. */
  readonly url: string;
  /** The model that it serves. */
  readonly model: { readonly name: string; readonly digest: string; readonly classes: readonly string[] };
  /** Stops: refuses new work, finishes what is in flight within `shutdownTimeoutMs`, ends the workers. */
  close(): Promise<void>;
}

/**
 * Starts an HTTP server that answers predictions, with inference in processes of its own. It listens when every worker
 * has loaded and checked the model.
 *
 * @throws {RobleError} `ROBLE_FILE_NOT_FOUND`, `ROBLE_BUNDLE_INVALID`, `ROBLE_PORT_IN_USE`.
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
  const options = serveSchema.parse(given);
  const bundle = await openBundle(model);
  const { backend, device, threads, workers } = options;
  const pool = await withStep(context, 'workers', 'Loading the model', () =>
    InferencePool.start({
      folder: model,
      workers,
      predictor: { backend, device, threads },
      plugins: context.registry.entries,
      classes: bundle.classes.length,
    }),
  );
  let stopping = false;
  const app = await createApp({ bundle, pool, options, isStopping: () => stopping });
  let url: string;
  try {
    url = await app.listen({ host: options.host, port: options.port });
  } catch (error) {
    await pool.close();
    throw listenError(error, options);
  }
  const close = async () => {
    stopping = true;
    const deadline = setTimeout(() => app.server.closeAllConnections(), options.shutdownTimeoutMs);
    await app.close();
    clearTimeout(deadline);
    await pool.close();
  };
  let closed: Promise<void> | undefined;
  return {
    url,
    model: { name: bundle.manifest.name, digest: bundle.digest, classes: bundle.classes },
    close: () => {
      closed ??= close();
      return closed;
    },
  };
}

function listenError(error: unknown, { host, port }: ServeOptions): RobleError {
  const { code } = error as NodeJS.ErrnoException;
  if (code !== 'EADDRINUSE' && code !== 'EACCES' && code !== 'EADDRNOTAVAIL') return RobleError.from(error);
  return new RobleError('ROBLE_PORT_IN_USE', `The server cannot listen on ${host}:${port} (${code}).`, {
    received: `${host}:${port}`,
    expected: 'a free address of this machine',
    nextSteps: ['Choose another port with --port, or 0 for any free one.'],
    cause: error,
  });
}
