import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { checked } from '../../base/schema/checked.js';
import type { ServingScope } from '../classify/serving-scope.js';
import type { ModelManager } from '../models/model-manager.js';
import { percentSchema, type WantedVersion } from '../models/repository.js';
import type { ServerMetrics } from '../observe/metrics.js';
import { takeBodies } from '../request/body-types.js';
import { refuseQuery } from '../request/checked-request.js';
import { createHttpApp } from './http-app.js';

/** What can be asked is short. */
const MAX_BODY_BYTES = 64 * 1024;

const versionSchema = z.union([
  z.strictObject({ version: z.string().min(1) }),
  z.strictObject({ folder: z.string().min(1) }),
]);
const canarySchema = z.union([
  z.strictObject({ version: z.string().min(1), percent: percentSchema }),
  z.strictObject({ folder: z.string().min(1), percent: percentSchema }),
]);
const nothingSchema = z.strictObject({}).nullish();

/** Something that the administration can do to one model, by `METHOD /admin/models/NAME/ACTION`. */
interface ModelAction {
  readonly method: 'POST' | 'DELETE';
  readonly action: string;
  readonly run: (manager: ModelManager, body: unknown) => Promise<boolean>;
}

const MODEL_ACTIONS: readonly ModelAction[] = [
  withoutBody('POST', 'reload', (manager) => manager.reload()),
  { method: 'POST', action: 'serve', run: (manager, body) => manager.serve(readVersion(body)) },
  {
    method: 'POST',
    action: 'canary',
    run: (manager, body) => {
      const { percent, ...wanted } = read(
        canarySchema,
        body,
        '{ "version" or "folder", "percent": 0 to 100 }',
      );
      return manager.startCanary(wanted as WantedVersion, percent);
    },
  },
  withoutBody('DELETE', 'canary', (manager) => manager.stopCanary()),
  withoutBody('POST', 'promote', (manager) => manager.promote()),
  { method: 'POST', action: 'shadow', run: (manager, body) => manager.startShadow(readVersion(body)) },
  withoutBody('DELETE', 'shadow', (manager) => manager.stopShadow()),
  withoutBody('POST', 'rollback', (manager) => manager.rollBack()),
];

function withoutBody(
  method: ModelAction['method'],
  action: string,
  run: (manager: ModelManager) => Promise<boolean>,
): ModelAction {
  return {
    method,
    action,
    run: (manager, body) => {
      readNothing(body);
      return run(manager);
    },
  };
}

/** The administration of a server, which listens apart from the predictions; `GET /metrics` is for Prometheus. */
export async function createAdminApp(
  { access, models, recorder, warn, isStopping }: ServingScope,
  metrics: ServerMetrics,
): Promise<FastifyInstance> {
  const app = await createHttpApp({
    server: access.administrationOptions,
    maxBodyBytes: MAX_BODY_BYTES,
    recorder,
    problems: { retryAfterSeconds: () => 1, warn },
    guard: (app) => access.guardAdministration(app),
    isStopping,
  });
  takeBodies(app, { 'application/json': {} });
  app.addHook('onRequest', refuseQuery);
  const config = { access: 'admin' } as const;
  /** Also logs why a change failed: whoever looks for the reason later has only the log. */
  const logged = async <T>(what: string, change: () => Promise<T>): Promise<T> => {
    try {
      return await change();
    } catch (error) {
      warn(`${what} failed: ${(error as Error).message}`);
      throw error;
    }
  };
  app.get('/metrics', { config: { access: 'metrics' } }, async (_, reply) => {
    reply.type(metrics.contentType);
    return metrics.text();
  });
  app.get('/admin/models', { config }, async () => models);
  app.get<{ Params: { name: string } }>('/admin/models/:name', { config }, async ({ params }) =>
    models.find(params.name),
  );
  app.post('/admin/models/reload', { config }, async ({ body }) => {
    readNothing(body);
    return { changed: await logged('POST /admin/models/reload', () => models.reload()), models };
  });
  for (const { method, action, run } of MODEL_ACTIONS)
    app.route<{ Params: { name: string } }>({
      method,
      url: `/admin/models/:name/${action}`,
      config,
      handler: async ({ params: { name }, body }) => {
        const manager = models.find(name);
        const change = `${method} /admin/models/${name}/${action}`;
        return { changed: await logged(change, () => run(manager, body)), model: manager };
      },
    });
  return app;
}

function readNothing(body: unknown): void {
  read(nothingSchema, body, 'no body');
}

function readVersion(body: unknown): WantedVersion {
  return read(versionSchema, body, '{ "version" } of the repository, or { "folder" }');
}

function read<T>(schema: z.ZodType<T>, body: unknown, expected: string): T {
  return checked(
    schema,
    body,
    'ROBLE_REQUEST_INVALID',
    `The request is not of the expected form: ${expected}.`,
  );
}
