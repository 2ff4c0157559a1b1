import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createServer, type RobleServer } from '../src/index.js';
import { createPostgres, type TestPostgres } from './support/postgres.js';
import { describeWith } from './support/programs.js';
import { temporaryFolder } from './support/temporary-folder.js';
import { quarterPixels, tinyBundle } from './support/tiny-bundle.js';

let root: string;
let bundle: string;
let remove: () => Promise<void>;
const servers: RobleServer[] = [];
beforeAll(async () => {
  ({ path: root, remove } = await temporaryFolder('predictions'));
  bundle = await tinyBundle(join(root, 'model'));
});
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});
afterAll(() => remove());

async function serve(predictions: object, warnings: string[] = []): Promise<RobleServer> {
  const report = (event: { type: string; message?: string }) => {
    if (event.type === 'warning') warnings.push(event.message!);
  };
  const options = { model: bundle, port: 0, predictions: predictions as never };
  const server = await createServer(options, { reporter: { report } });
  servers.push(server);
  return server;
}

async function post(server: RobleServer, path: string, body: object) {
  const response = await fetch(`${server.url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  // biome-ignore lint/suspicious/noExplicitAny: answers of several forms.
  return { status: response.status, headers: response.headers, body: (await response.json()) as any };
}
const predict = (server: RobleServer, quarter: number, light = 255) =>
  post(server, '/predict', { pixels: quarterPixels(quarter, light) });
const logOf = async (server: RobleServer) =>
  // biome-ignore lint/suspicious/noExplicitAny: as above.
  ((await (await fetch(`${server.url}/stats`)).json()) as any).predictionLog;

const databases = [
  { name: 'SQLite', suite: describe, program: undefined },
  { name: 'PostgreSQL', suite: describeWith('postgres', 'postgresql'), program: 'postgres' },
];

for (const { name, suite, program } of databases)
  suite(`the log of predictions in ${name}`, () => {
    let postgres: TestPostgres | undefined;
    let count = 0;
    beforeAll(async () => {
      if (!program) return;
      postgres = await createPostgres();
      await postgres.start();
    });
    afterAll(() => postgres?.remove());
    const url = async () => {
      if (!postgres) return join(root, `log-${count++}`, 'predictions.db');
      await postgres.query('drop schema public cascade; create schema public');
      return postgres.url;
    };

    it('takes the right class of a prediction, and the last one that was said', async () => {
      const server = await serve({ url: await url() });
      const { body } = await predict(server, 2);
      const feedback = { requestId: body.requestId, label: 'top-left' };
      expect(await post(server, '/feedback', feedback)).toMatchObject({
        status: 201,
        body: { stored: true },
      });
      expect(await post(server, '/feedback', { ...feedback, index: 0, label: 'top-right' })).toMatchObject({
        status: 201,
      });
      expect(await logOf(server)).toMatchObject({ written: 1, queued: 0, dropped: 0 });
    });
  });
