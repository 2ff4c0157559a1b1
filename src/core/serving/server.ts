import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { FastifyInstance } from 'fastify';
import { RobleError } from '../base/errors.js';
import { checked } from '../base/schema/checked.js';
import { createApp } from './app.js';
import { createAdminApp } from './http/admin.js';
import type { LogDestination } from './observe/server-log.js';
import type { ModelLabel } from './request/record.js';
import { openServerParts, type ServerContext } from './server-parts.js';
import { type ServeOptions, serveSchema } from './settings.js';
import { listen } from './transport/listen.js';

/** Time for clients that keep their connection to learn that it ends, before idle connections are cut. */
const FAREWELL_MS = 250;

export interface CreateServerOptions extends Partial<ServeOptions> {
  /** Folder of a model bundle; with `models`, the name of the one that answers requests that name none. */
  readonly model?: string;
  /** Where the log goes, such as `process.stderr`. Without it there is none, and warnings go to the reporter. */
  readonly logTo?: LogDestination;
}

/** A server that listens. */
export interface RobleServer {
  /** Such as `http://127.0.0.1:8080`. */
  readonly url: string;
  readonly address: AddressInfo;
  /** Of the administration, where that listens. */
  readonly adminUrl?: string;
  /** The model that it serves at this moment. */
  readonly model: ModelLabel & { readonly classes: readonly string[] };
  /**
   * Serves what lies in the folder or the repository now, or the bundle in another folder, without a request lost; and
   * shows the certificate that lies in its file now.
   *
   * @returns whether a model is another one than before
   * @throws {RobleError} what the bundle has wrong; then the old one goes on
   */
  reload(folder?: string): Promise<boolean>;
  /** Stops: refuses new work, finishes what is in flight within `shutdownTimeoutMs`, ends the workers. */
  close(): Promise<void>;
}

/**
 * Starts an HTTP server that answers predictions, with inference in processes of its own. It listens when every worker
 * has loaded and checked the model. Once `signal` is aborted a start is given up at once; what it had opened by then is
 * closed in the background.
 *
 * @throws {RobleError} `ROBLE_CONFIG_INVALID`, `ROBLE_FILE_NOT_FOUND`, `ROBLE_BUNDLE_INVALID`, `ROBLE_PLUGIN_UNKNOWN`,
 *   `ROBLE_DEVICE_UNAVAILABLE`, `ROBLE_PORT_IN_USE`, `ROBLE_LISTEN_REFUSED`, `ROBLE_KEYS_INVALID`, `ROBLE_TLS_INVALID`, `ROBLE_PACKAGE_MISSING`.
 *
 * @example
 * const server = await createServer({ model: 'runs/run-0001/model', port: 0 });
 * await fetch(`${server.url}/predict`, { method: 'POST', headers: { 'content-type': 'image/png' }, body });
 * await server.close();
 */
export async function createServer(
  options: CreateServerOptions,
  context: ServerContext,
): Promise<RobleServer> {
  const { signal } = context;
  signal?.throwIfAborted();
  const starting = startServer(options, context);
  if (!signal) return starting;
  return new Promise((resolve, reject) => {
    const giveUp = () => {
      reject(signal.reason);
      starting.then((server) => server.close()).catch(() => {});
    };
    signal.addEventListener('abort', giveUp, { once: true });
    starting.then(resolve, reject).finally(() => signal.removeEventListener('abort', giveUp));
  });
}

async function startServer(
  { model, logTo, ...given }: CreateServerOptions,
  context: ServerContext,
): Promise<RobleServer> {
  const options = checked(
    serveSchema,
    given,
    'ROBLE_CONFIG_INVALID',
    'The options of the server are not valid.',
  );
  if (model === undefined && options.models === undefined)
    throw new RobleError('ROBLE_CONFIG_INVALID', 'There is no model to serve.', {
      expected: '"model", the folder of a bundle, or "models", a folder with NAME/VERSION',
    });
  let stopping = false;
  const parts = await openServerParts({ model, logTo, options, isStopping: () => stopping }, context);
  const { log, metrics, scope } = parts;
  const { access, models, warn } = scope;
  const apps: FastifyInstance[] = [];
  try {
    const app = await createApp(scope, { page: options.page, apiPage: context.apiPage });
    apps.push(app);
    const url = (await listen(app, options)).replace(/^http/, access.scheme);
    const administration = metrics && (await createAdminApp(scope, metrics));
    if (administration) apps.push(administration);
    const adminUrl =
      administration && (await listen(administration, { ...options.admin, port: options.admin.port! }));
    for (const open of apps) access.warnIfOpen(open);
    log?.info(`Serving ${models.current.label.name} at ${url} (${options.models ?? model})`);
    if (adminUrl) log?.info(`Administration at ${adminUrl}/admin/models and ${adminUrl}/metrics`);
    let closed: Promise<void> | undefined;
    return {
      url,
      ...(adminUrl && { adminUrl }),
      address: app.server.address() as AddressInfo,
      get model() {
        return { ...models.current.label, classes: models.current.bundle.classes };
      },
      reload: async (folder) => {
        await access.renewCertificate(app);
        try {
          const changed = await (folder === undefined
            ? models.reload()
            : models.find(undefined).serve({ folder }));
          if (!changed) log?.info('The model is the same');
          return changed;
        } catch (error) {
          warn(`The new model is not served: ${(error as Error).message}`);
          throw error;
        }
      },
      close: () => {
        if (!stopping) log?.info('Stopping');
        stopping = true;
        const end = performance.now() + options.shutdownTimeoutMs;
        closed ??= Promise.all([drain(app, options.shutdownTimeoutMs), administration?.close()])
          .then(() => {})
          .finally(() => parts.release(Math.max(FAREWELL_MS, end - performance.now())));
        return closed;
      },
    };
  } catch (error) {
    // The one may listen already when the other cannot.
    for (const app of apps) await app.close();
    await parts.release(0);
    throw error;
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
