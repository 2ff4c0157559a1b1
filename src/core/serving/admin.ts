import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { checked } from '../checked.js';
import type { ServerAccess } from './access/access.js';
import type { ModelManager } from './model-manager.js';
import { answerProblems } from './send-problem.js';

const reloadSchema = z.strictObject({ folder: z.string().min(1).optional() });

/**
 * The administration of a server, which listens apart from the predictions: `GET /admin/model` tells what is served,
 * `POST /admin/model/reload`, with `{ "folder": "..." }` if it is another one, replaces it.
 */
export async function createAdminApp(
  models: ModelManager,
  access: ServerAccess,
  warn: (message: string) => void,
): Promise<FastifyInstance> {
  const { default: fastify } = await import('fastify');
  const app = fastify();
  access.guardAdministration(app);
  answerProblems(app, {
    retryAfterSeconds: () => 1,
    warn,
  });
  app.get('/admin/model', async () => models);
  app.post('/admin/model/reload', async (request) => {
    const { folder } = checked(
      reloadSchema,
      request.body ?? {},
      'ROBLE_REQUEST_INVALID',
      'The request to reload the model is not of the expected form.',
    );
    return { changed: await models.reload(folder), model: models };
  });
  return app;
}
