import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { pathToFileURL } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type CreateServerOptions, createRegistry, createServer, type RobleServer } from '../src/index.js';
import { freePort } from './support/free-port.js';
import { sendRaw } from './support/raw-http.js';
import { startServeCommand } from './support/serve-command.js';
import { temporaryFolder } from './support/temporary-folder.js';
import { quarterPixels, quarterPng, tinyBundle } from './support/tiny-bundle.js';

const CLI = join(import.meta.dirname, '../bin/run.js');
const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const PARENT = '00f067aa0ba902b7';

let root: string;
let bundle: string;
let remove: () => Promise<void>;
const servers: RobleServer[] = [];
beforeAll(async () => {
  ({ path: root, remove } = await temporaryFolder('serve-log'));
  bundle = await tinyBundle(join(root, 'model'));
});
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});
afterAll(() => remove());

async function serve(options: Partial<CreateServerOptions> = {}) {
  const lines: string[] = [];
  const server = await createServer({
    model: bundle,
    port: 0,
    workers: 0,
    logTo: { write: (line) => lines.push(line) },
    ...options,
  });
  servers.push(server);
  return { server, lines };
}

interface Line {
  readonly level: string;
  readonly requestId?: string;
  readonly [key: string]: unknown;
}
const parsed = (lines: readonly string[]) => lines.map((line) => JSON.parse(line) as Line);
/** The line of a request, which is written when its answer is sent: perhaps a moment after the client has it. */
async function lineOf(lines: readonly string[], requestId: string): Promise<Line> {
  const find = () => parsed(lines).find((line) => line.requestId === requestId);
  await expect.poll(find, { timeout: 20_000 }).toBeDefined();
  return find()!;
}
const ask = (server: RobleServer, body: unknown, headers: Record<string, string> = {}, path = '/predict') =>
  fetch(server.url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });

describe('the log', () => {
  it('has one line for each request, and nothing of its body, query or keys', async () => {
    const { server, lines } = await serve();
    const secret = (await quarterPng(1)).toString('base64');
    const headers = (id: string) => ({ 'x-request-id': id, authorization: 'Bearer secret-key' });
    await ask(server, { image: secret }, headers('one'), '/predict?topK=2');
    await ask(
      server,
      { pixels: [quarterPixels(1, 9), [3, 1, 4], quarterPixels(2)] },
      headers('many'),
      '/predict/batch',
    );
    await ask(server, { image: '!!secret!!' }, headers('wrong'), '/predict?key=secret-key');
    await ask(server, {}, headers('lost'), '/secret-path');

    const { name, version, digest } = server.model;
    const model = { model: name, version, digest: digest.slice(0, 12) };
    expect(await lineOf(lines, 'one')).toEqual({
      level: 'info',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      requestId: 'one',
      method: 'POST',
      route: '/predict',
      status: 200,
      ms: expect.any(Number),
      images: 1,
      ...model,
    });
    expect(await lineOf(lines, 'many')).toMatchObject({
      route: '/predict/batch',
      images: 2,
      refusedImages: 1,
      ...model,
    });
    expect(await lineOf(lines, 'wrong')).toMatchObject({ status: 400, code: 'ROBLE_REQUEST_INVALID' });
    expect(await lineOf(lines, 'lost')).toMatchObject({
      status: 404,
      code: 'ROBLE_ROUTE_UNKNOWN',
      route: null,
    });
    expect(parsed(lines).filter(({ requestId }) => requestId)).toHaveLength(4);
    expect(lines.join('')).not.toContain('secret');
    expect(lines.join('')).not.toContain(secret.slice(0, 16));
  });

  it('keeps probes to itself, unless it is asked for all', async () => {
    for (const [level, count] of [
      ['info', 0],
      ['debug', 1],
    ] as const) {
      const { server, lines } = await serve({ log: { level } });
      await fetch(`${server.url}/health/live`);
      await ask(server, { pixels: quarterPixels(0) }, { 'x-request-id': 'seen' });
      await lineOf(lines, 'seen');
      expect(parsed(lines).filter(({ route }) => route === '/health/live')).toHaveLength(count);
    }
  });

  it('says nothing when it is silent, or goes nowhere', async () => {
    const { server, lines } = await serve({ log: { level: 'silent' } });
    await ask(server, { pixels: quarterPixels(0) });
    await server.close();
    expect(lines).toEqual([]);
  });

  it('has the warnings of the server, which the reporter then does not get', async () => {
    const { server, lines } = await serve({ workers: 1 });
    const stats = (await (await fetch(`${server.url}/stats`)).json()) as {
      workers: { processIds: number[] };
    };
    process.kill(stats.workers.processIds[0]!, 'SIGKILL');
    const warnings = () => parsed(lines).filter(({ level }) => level === 'warn');
    await expect.poll(warnings, { timeout: 20_000 }).toHaveLength(1);
    expect(warnings()[0]).toMatchObject({ msg: 'An inference process ended with SIGKILL.' });
  });

  it('is readable as text', async () => {
    const { server, lines } = await serve({ log: { format: 'text', level: 'info' } });
    await ask(server, { pixels: quarterPixels(0) }, { 'x-request-id': 'seen' });
    await expect.poll(() => lines.at(-1), { timeout: 20_000 }).toContain('seen');
    expect(lines[0]).toMatch(/^[\d:.]{12} INFO {2}Serving quarters at http:\S+ \(.*\)\n$/);
    expect(lines.at(-1)).toMatch(
      /^[\d:.]{12} INFO {2}POST \/predict 200 in [\d.]+ ms requestId=seen images=1 model=quarters version=\w{12} digest=\w{12}\n$/,
    );
  });

  it('of the command is on standard error, every line JSON where that is no terminal', async () => {
    const words = ['--model', bundle, '--workers', '0', '--admin-port', '0'];
    // It keeps its predictions in the working folder.
    const command = await startServeCommand(words, root, { ROBLE_SERVE_LOG_LEVEL: 'debug' });
    const { child, url } = command;
    await expect.poll(() => command.output, { timeout: 100_000 }).toContain('Administration at');
    await fetch(`${url}/health/ready`);
    child.kill('SIGTERM');
    const { exitCode, stdout, stderr } = await child;
    expect([exitCode, stdout]).toEqual([0, 'Stopped.']);
    const messages = parsed(stderr.split('\n'));
    expect(messages.map(({ level, msg, route }) => [level, msg ?? route])).toEqual([
      ['info', expect.stringContaining(`Serving quarters at ${url}`)],
      ['info', expect.stringContaining('Administration at')],
      ['debug', '/health/ready'],
      ['info', 'Stopping'],
    ]);
  }, 120_000);

  it.each([
    ['pause', 'standard error alone'],
    ['pause', 'both streams'],
    ['destroy', 'standard error alone'],
    ['destroy', 'both streams'],
  ] as const)(
    'whose reader does %s holds up neither answers nor the end (%s)',
    async (leave, which) => {
      const command = `exec "$0" "$@"${which === 'both streams' ? ' >&2' : ''}`;
      const words = ['--model', bundle, '--port', '0', '--workers', '0', '--predictions', 'none'];
      const child = spawn('sh', ['-c', command, process.execPath, CLI, 'serve', ...words], {
        cwd: root,
        stdio: ['ignore', 'ignore', 'pipe'],
        env: { ...process.env, ROBLE_SERVE_LOG_LEVEL: 'debug' },
      });
      const ended = once(child, 'exit');
      const [first] = (await once(child.stderr, 'data')) as [Buffer];
      child.stderr[leave]();
      const url = /at (http:\S+)/.exec(`${first}`)![1]!;
      // Far more lines than a pipe and the buffers before it hold.
      const probe = `GET /health/live HTTP/1.1\r\nhost: x\r\nx-request-id: ${'x'.repeat(128)}\r\n`;
      const probes = `${probe}\r\n`.repeat(1999);
      const answers = await sendRaw(Number(new URL(url).port), `${probes}${probe}connection: close\r\n\r\n`);
      expect(answers.map(({ status }) => status)).toEqual(Array(2000).fill(200));
      child.kill('SIGTERM');
      expect(await ended).toEqual([0, null]);
    },
    120_000,
  );

  it('that cannot be written holds nothing up either, and is a failure at the end', async () => {
    const port = await freePort();
    const words = ['--model', bundle, '--port', String(port), '--workers', '0', '--predictions', 'none'];
    const full = await open('/dev/full', 'w');
    const child = spawn(process.execPath, [CLI, 'serve', ...words], {
      cwd: root,
      stdio: ['ignore', 'pipe', full.fd],
    });
    await full.close();
    const [output, ended] = [text(child.stdout!), once(child, 'exit')];
    const isLive = () =>
      fetch(`http://127.0.0.1:${port}/health/live`).then(
        ({ ok }) => ok,
        () => false,
      );
    await expect.poll(isLive, { timeout: 100_000 }).toBe(true);
    child.kill('SIGTERM');
    expect(await ended).toEqual([3, null]);
    expect(await output).toMatch(/^Stopped\.\nError: Standard error[\s\S]*code: ROBLE_DISK_FULL\n$/);
  });
});

describe('an inference process', () => {
  it('that writes to standard error is heard in the log, but no secret that it tells', async () => {
    const path = join(root, 'talking.mjs');
    await writeFile(
      path,
      `import { z } from ${JSON.stringify(import.meta.resolve('zod'))};
      import { secret } from ${JSON.stringify(new URL('../dist/core/plugin/index.js', import.meta.url).href)};
      export const plugin = {
        name: 'talking',
        options: z.strictObject({ token: secret(z.string()) }),
        async load(model, { options }) {
          console.error('a word of native code: ' + options.token);
          const predict = async (images, count) => new Float32Array(4 * count).fill(0.25);
          return { warmUp: async () => {}, predict, close: async () => {} };
        },
      };`,
    );
    // It answers as the golden outputs of this model do.
    const even = await tinyBundle(join(root, 'even'), { golden: () => 0.25 });
    const registry = createRegistry();
    const module = pathToFileURL(path).href;
    registry.register({ name: 'talking', apiVersion: 1, kind: 'serving-backend', module });
    const lines: string[] = [];
    const logTo = { write: (line: string) => lines.push(line) };
    servers.push(
      await createServer(
        { model: even, port: 0, backend: 'talking', backendOptions: { token: 'Bearer s3cret-token' }, logTo },
        { registry },
      ),
    );
    await expect
      .poll(() => parsed(lines).find(({ level }) => level === 'warn')?.msg, { timeout: 20_000 })
      .toBe('An inference process wrote: a word of native code: ***');
  });
});

describe('traceparent', () => {
  it('is in the log and in the answer, with this server as the parent of what comes next', async () => {
    const { server, lines } = await serve();
    const response = await ask(
      server,
      { pixels: quarterPixels(0) },
      { traceparent: `00-${TRACE}-${PARENT}-01`, 'x-request-id': 'traced' },
    );
    const line = await lineOf(lines, 'traced');
    expect(line.traceId).toBe(TRACE);
    expect(line.spanId).toMatch(/^[0-9a-f]{16}$/);
    expect(line.spanId).not.toBe(PARENT);
    expect(response.headers.get('traceparent')).toBe(`00-${TRACE}-${line.spanId}-01`);
  });
});
