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

type Change = (manager: ModelManager, body: unknown) => Promise<boolean>;

/** What can be asked of one model, as `METHOD /admin/models/NAME/...`. */
const CHANGES: Readonly<Record<string, Change>> = {
  'POST reload': (manager, body) => {
    read(nothingSchema, body, 'no body');
    return manager.reload();
  },
  'POST serve': (manager, body) => manager.serve(readVersion(body)),
  'POST canary': (manager, body) => {
    const { percent, ...wanted } = read(canarySchema, body, '{ "version" or "folder", "percent": 0 to 100 }');
    return manager.startCanary(wanted as WantedVersion, percent);
  },
  'DELETE canary': (manager, body) => {
    read(nothingSchema, body, 'no body');
    return manager.stopCanary();
  },
  'POST promote': (manager, body) => {
    read(nothingSchema, body, 'no body');
    return manager.promote();
  },
  'POST shadow': (manager, body) => manager.startShadow(readVersion(body)),
  'DELETE shadow': (manager, body) => {
    read(nothingSchema, body, 'no body');
    return manager.stopShadow();
  },
  'POST rollback': (manager, body) => {
    read(nothingSchema, body, 'no body');
    return manager.rollBack();
  },
};

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
  /** Who looks for the reason later has the log only. */
  const told = async <T>(what: string, change: () => Promise<T>): Promise<T> => {
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
    read(nothingSchema, body, 'no body');
    return { changed: await told('POST /admin/models/reload', () => models.reload()), models };
  });
  for (const [name, change] of Object.entries(CHANGES)) {
    const [method, url] = pathOf(name).split(' ') as ['POST' | 'DELETE', string];
    app.route<{ Params: { name: string } }>({
      method,
      url: url.replace('NAME', ':name'),
      config,
      handler: async ({ params, body }) => {
        const manager = models.find(params.name);
        return {
          changed: await told(`${method} ${url.replace('NAME', params.name)}`, () => change(manager, body)),
          model: manager,
        };
      },
    });
  }
  return app;
}

function pathOf(change: string): string {
  const [method, last] = change.split(' ');
  return `${method} /admin/models/NAME/${last}`;
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
