import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { request as httpsRequest } from 'node:https';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { execa } from 'execa';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { createKey, listKeys, revokeKey } from '../src/core/serving/access/api-keys.js';
import { createServer, type RobleServer } from '../src/index.js';
import { describeWith } from './support/programs.js';
import { sendRaw } from './support/raw-http.js';
import { startRedis, type TestRedis } from './support/redis.js';
import { startServeCommand } from './support/serve-command.js';
import { temporaryFolder } from './support/temporary-folder.js';
import { quarterPixels, TINY_CLASSES, tinyBundle } from './support/tiny-bundle.js';

const CLI = join(import.meta.dirname, '../bin/run.js');

let root: string;
let bundle: string;
let remove: () => Promise<void>;
const servers: RobleServer[] = [];
beforeAll(async () => {
  ({ path: root, remove } = await temporaryFolder('serve-access'));
  bundle = await tinyBundle(join(root, 'model'));
});
afterEach(async () => {
  vi.useRealTimers();
  await Promise.all(servers.splice(0).map((server) => server.close()));
});
afterAll(() => remove());

type Options = Partial<Parameters<typeof createServer>[0]>;

async function serve(options: object, warnings: string[] = []): Promise<RobleServer> {
  const report = (event: { type: string; message?: string }) => {
    if (event.type === 'warning') warnings.push(event.message!);
  };
  const server = await createServer(
    { model: bundle, port: 0, workers: 0, ...(options as Options) },
    { reporter: { report } },
  );
  servers.push(server);
  return server;
}

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: a body of the server, checked by the expectations.
  readonly body: any;
}

async function send(
  url: string,
  headers: Record<string, string> = {},
  init: RequestInit = {},
): Promise<Answer> {
  const response = await fetch(url, { ...init, headers });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: text && JSON.parse(text) };
}

const predict = (server: RobleServer, headers: Record<string, string> = {}) =>
  send(
    `${server.url}/predict`,
    { 'content-type': 'application/json', ...headers },
    { method: 'POST', body: JSON.stringify({ pixels: quarterPixels(1) }) },
  );
const bearer = (key: string) => ({ authorization: `Bearer ${key}` });

let number = 0;
const newFile = () => join(root, `keys-${number++}`, 'keys.json');

/** A server that asks for keys, and one key that is good for predictions. */
async function guarded(options: object = {}, warnings: string[] = []) {
  const file = newFile();
  const { key } = await createKey(file, { name: 'till', scopes: ['predict'] });
  const server = await serve({ ...options, access: { keysFile: file } }, warnings);
  return { file, key, server };
}

describe('API keys', () => {
  it('open the server by either header, and are shown to nobody', async () => {
    const { server, key, file } = await guarded();
    for (const headers of [bearer(key), { authorization: `bearer  ${key}` }, { 'x-api-key': key }]) {
      const answer = await predict(server, headers as Record<string, string>);
      expect([answer.status, answer.body.predictions?.[0].label]).toEqual([200, TINY_CLASSES[1]]);
      expect(JSON.stringify([answer.body, [...answer.headers]])).not.toContain(key);
    }
    expect(await readFile(file, 'utf8')).not.toContain(key);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
  });

  it('that are missing or wrong are 401, which says how to do it', async () => {
    const { server, file } = await guarded();
    const [{ sha256 }] = JSON.parse(await readFile(file, 'utf8')).keys;
    const cases: [Record<string, string>, boolean][] = [
      [{}, false],
      [{ 'x-api-key': 'roble_AAAA' }, true],
      // The hash is not the key.
      [{ 'x-api-key': sha256 }, true],
      [{ authorization: 'Basic dGlsbDp0aWxs' }, false],
      [{ authorization: 'Bearer ' }, false],
      [{ authorization: 'Bearer till' }, true],
    ];
    for (const [headers, isGiven] of cases) {
      const answer = await predict(server, headers);
      expect(answer).toMatchObject({ status: 401, body: { status: 401, code: 'ROBLE_KEY_REFUSED' } });
      expect(answer.headers.get('content-type')).toContain('application/problem+json');
      expect(answer.headers.get('www-authenticate')).toBe(
        `Bearer realm="roble"${isGiven ? ', error="invalid_token"' : ''}`,
      );
    }
  });

  it('are needed before a body is read, and for what is not there, but not for health', async () => {
    const { server, key } = await guarded();
    for (const path of [
      '/nowhere',
      '/stats',
      '/predict',
      '/predict/batch',
      '//health/live',
      '/health/live/x',
    ])
      expect((await send(server.url + path)).status, path).toBe(401);
    expect((await send(`${server.url}/nowhere`, bearer(key))).status).toBe(404);
    for (const path of ['/health/live', '/health/ready', '/health/live?x=1'])
      expect((await send(server.url + path)).status, path).toBe(200);
    const [early] = await sendRaw(
      server.address.port,
      'POST /predict HTTP/1.1\r\nhost: x\r\ncontent-type: image/png\r\ncontent-length: 11000000\r\n\r\n',
    );
    expect(early!.status).toBe(401);
  });

  it('are good for their scopes only', async () => {
    const file = newFile();
    const { key } = await createKey(file, { name: 'till', scopes: ['predict'] });
    const { key: watcher } = await createKey(file, { name: 'prometheus', scopes: ['metrics'] });
    const { key: admin } = await createKey(file, { name: 'admin', scopes: ['admin', 'predict'] });
    const server = await serve({ admin: { port: 0 }, access: { keysFile: file } });
    expect((await predict(server, bearer(watcher))).status).toBe(403);
    expect((await send(`${server.url}/stats`, bearer(watcher))).status).toBe(200);
    const refused = await send(`${server.url}/stats`, bearer(key));
    expect(refused).toMatchObject({
      status: 403,
      body: { code: 'ROBLE_SCOPE_MISSING', expected: 'a key for metrics' },
    });
    expect(refused.headers.get('www-authenticate')).toContain('error="insufficient_scope"');
    const model = `${server.adminUrl}/admin/models/quarters`;
    expect((await send(model)).status).toBe(401);
    expect((await send(model, bearer(key))).status).toBe(403);
    expect((await send(model, bearer(admin))).status).toBe(200);
    expect((await send(`${model}/reload`, {}, { method: 'POST' })).status).toBe(401);
  });

  it('stop working without a restart when they are revoked, and begin when they are made', async () => {
    const { server, file, key } = await guarded();
    const { key: other } = await createKey(file, { name: 'other', scopes: ['predict'] });
    await expect
      .poll(async () => (await predict(server, bearer(other))).status, { timeout: 10_000 })
      .toBe(200);
    expect((await predict(server, bearer(key))).status).toBe(200);
    await revokeKey(file, 'till');
    await expect.poll(async () => (await predict(server, bearer(key))).status, { timeout: 10_000 }).toBe(401);
    expect((await predict(server, bearer(other))).status).toBe(200);
  });

  it('expire, at their time', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const file = newFile();
    const expires = new Date(Date.now() + 3_600_000);
    const { key } = await createKey(file, { name: 'short', scopes: ['predict'], expires });
    const server = await serve({ access: { keysFile: file } });
    const statusAt = async (time: number) => {
      vi.setSystemTime(time);
      return (await predict(server, bearer(key))).status;
    };
    expect(await statusAt(expires.getTime() - 1)).toBe(200);
    expect(await statusAt(expires.getTime())).toBe(401);
  });

  it.each([
    ['is missing', undefined, 'ROBLE_FILE_NOT_FOUND'],
    ['is no JSON', 'keys', 'ROBLE_KEYS_INVALID'],
    ['is of another form', '{"version":1,"keys":[{"name":"till","key":"secret"}]}', 'ROBLE_KEYS_INVALID'],
  ])('a server does not start open when their file %s', async (_, content, code) => {
    const keysFile = join(root, `broken-${number++}.json`);
    if (content) await writeFile(keysFile, content);
    await expect(serve({ access: { keysFile } })).rejects.toMatchObject({ code });
  });

  it('a server on all networks without keys warns, and one with keys or on loopback does not', async () => {
    const warnings: string[] = [];
    await serve({ host: '127.0.0.1' }, warnings);
    const file = newFile();
    await createKey(file, { name: 'till', scopes: ['predict'] });
    await serve({ host: '0.0.0.0', access: { keysFile: file } }, warnings);
    expect(warnings).toEqual([]);
    await serve({ host: '0.0.0.0' }, warnings);
    expect(warnings).toEqual([expect.stringContaining('whoever reaches it may use it')]);
  });
});

describe('the commands for keys', () => {
  const roble = (...words: string[]) =>
    execa(process.execPath, [CLI, ...words], { reject: false, cwd: root });

  it('make, list and revoke, and show a key once', async () => {
    const file = newFile();
    const made = await roble(
      ...['keys:create', '--name', 'till', '--scope', 'predict', '--scope', 'feedback'],
      ...['--expires', '90d', '--keys', file],
    );
    expect([made.exitCode, made.stderr]).toEqual([0, expect.stringContaining('predict, feedback until')]);
    expect(made.stdout).toMatch(/^roble_[\w-]{43}$/);
    expect(made.stderr).not.toContain(made.stdout);
    const list = await roble('keys:list', '--keys', file);
    expect(list.stdout).toMatch(/till +predict feedback .* valid/);
    const [key] = await listKeys(file);
    expect(Date.parse(key!.expires!) - Date.parse(key!.created)).toBeGreaterThan(89.9 * 86_400_000);
    const json = await roble('keys:revoke', key!.id, '--keys', file, '--json');
    expect(JSON.parse(json.stdout)).toMatchObject({ ok: true, result: { name: 'till', state: 'revoked' } });
    for (const { stdout } of [list, json]) expect(stdout).not.toContain(made.stdout);
    await expect(revokeKey(file, 'till')).rejects.toMatchObject({ code: 'ROBLE_KEY_UNKNOWN', exitCode: 2 });
  });

  it('refuse an unknown scope', async () => {
    const { exitCode, stderr } = await roble('keys:create', '--name', 'x', '--scope', 'root');
    expect([exitCode, stderr]).toEqual([2, expect.stringContaining('predict')]);
  });

  it('lose nothing when many run at the same time', async () => {
    const file = newFile();
    const module = pathToFileURL(join(import.meta.dirname, '../dist/core/serving/access/api-keys.js'));
    const make = `
      const { createKey } = await import('${module}');
      for (const name of process.argv.slice(2)) await createKey(process.argv[1], { name, scopes: ['predict'] });`;
    const names = Array.from({ length: 18 }, (_, i) => `key-${i}`);
    // Processes and calls of one process: both have to wait for each other.
    await Promise.all([
      ...[0, 5].map((first) =>
        execa(process.execPath, [
          '--input-type=module',
          '--eval',
          make,
          file,
          ...names.slice(first, first + 5),
        ]),
      ),
      ...names.slice(10).map((name) => createKey(file, { name, scopes: ['predict'] })),
    ]);
    expect((await listKeys(file)).map(({ name }) => name).sort()).toEqual([...names].sort());
    await expect(createKey(file, { name: 'key-3', scopes: [] })).rejects.toMatchObject({
      code: 'ROBLE_KEY_EXISTS',
    });
  });

  it('serve with keys, whose log never holds one', async () => {
    const file = newFile();
    const { key } = await createKey(file, { name: 'till', scopes: ['predict'] });
    const command = await startServeCommand(['--model', bundle, '--workers', '0', '--keys', file], root);
    const wrong = `roble_${'x'.repeat(43)}`;
    const statuses = [];
    for (const headers of [bearer(key), bearer(wrong), { 'x-api-key': key }])
      statuses.push((await send(`${command.url}/stats`, headers as Record<string, string>)).status);
    expect(statuses).toEqual([403, 401, 403]);
    command.child.kill('SIGTERM');
    await command.child;
    expect(command.output).toContain('ROBLE_KEY_REFUSED');
    expect(command.output).not.toContain(key);
    expect(command.output).not.toContain(wrong);
  });
});

describe('rate limits', () => {
  const limited = (max: number, more: object = {}) => ({
    access: { rateLimit: { max, windowSeconds: 30 }, ...more },
  });

  it('say how much is left, then 429 and when to come back; health is exempt', async () => {
    const server = await serve(limited(3));
    const left: (string | null)[] = [];
    for (let i = 0; i < 3; i++) {
      const { status, headers } = await predict(server);
      expect([status, headers.get('ratelimit-limit')]).toEqual([200, '3']);
      left.push(headers.get('ratelimit-remaining'));
    }
    expect(left).toEqual(['2', '1', '0']);
    const refused = await predict(server);
    expect(refused).toMatchObject({ status: 429, body: { code: 'ROBLE_RATE_LIMITED', status: 429 } });
    expect(refused.headers.get('content-type')).toContain('application/problem+json');
    const retryAfter = Number(refused.headers.get('retry-after'));
    expect(retryAfter).toBeGreaterThan(0);
    expect(retryAfter).toBeLessThanOrEqual(30);
    expect(refused.headers.get('ratelimit-reset')).toBe(refused.headers.get('retry-after'));
    expect((await send(`${server.url}/nowhere`)).status).toBe(429);
    for (let i = 0; i < 5; i++) expect((await send(`${server.url}/health/ready`)).status).toBe(200);
  });

  it('end with their window', async () => {
    const server = await serve(limited(1));
    vi.useFakeTimers({ toFake: ['performance'] });
    const statusAfter = async (ms: number) => {
      vi.advanceTimersByTime(ms);
      return (await predict(server)).status;
    };
    expect(await statusAfter(0)).toBe(200);
    expect(await statusAfter(29_999)).toBe(429);
    expect(await statusAfter(1)).toBe(200);
    expect(await statusAfter(1)).toBe(429);
  });

  it('count each key by itself, and wrong keys by their address', async () => {
    const file = newFile();
    const one = await createKey(file, { name: 'one', scopes: ['predict'] });
    const two = await createKey(file, { name: 'two', scopes: ['predict'] });
    const server = await serve(limited(2, { keysFile: file }));
    const statuses = async (headers: () => Record<string, string>) => {
      const all = [];
      for (let i = 0; i < 3; i++) all.push((await predict(server, headers())).status);
      return all;
    };
    expect(await statuses(() => bearer(one.key))).toEqual([200, 200, 429]);
    expect(await statuses(() => bearer(two.key))).toEqual([200, 200, 429]);
    let tried = 0;
    // Who tries keys is one sender, whatever they try.
    expect(await statuses(() => bearer(`roble_${tried++}`))).toEqual([401, 401, 429]);
  });

  it('believe X-Forwarded-For of trusted proxies only', async () => {
    const from = (address: string) => ({ 'x-forwarded-for': address });
    const plain = await serve(limited(1));
    expect((await predict(plain, from('203.0.113.1'))).status).toBe(200);
    expect((await predict(plain, from('203.0.113.2'))).status).toBe(429);
    const behind = await serve(limited(1, { trustedProxies: ['127.0.0.0/8'] }));
    expect((await predict(behind, from('203.0.113.1'))).status).toBe(200);
    expect((await predict(behind, from('203.0.113.2'))).status).toBe(200);
    // What the client wrote itself, in front of what the proxy added, counts for nothing.
    expect((await predict(behind, from('198.51.100.7, 203.0.113.2'))).status).toBe(429);
    // All addresses of one network of IPv6 belong to one client.
    expect((await predict(behind, from('2001:db8::1'))).status).toBe(200);
    expect((await predict(behind, from('2001:db8::2'))).status).toBe(429);
    // Nor does a port make another client of one, or the lines that a header comes in.
    expect((await predict(behind, from('203.0.113.2:50001'))).status).toBe(429);
    expect((await predict(behind, from('[2001:db8::3]:443'))).status).toBe(429);
    const json = JSON.stringify({ pixels: quarterPixels(1) });
    const lines = (...headers: string[]) =>
      ['POST /predict HTTP/1.1', 'host: x', 'connection: close', 'content-type: application/json', ...headers]
        .concat(`content-length: ${json.length}`, '', json)
        .join('\r\n');
    const twice = lines('x-forwarded-for: 198.51.100.7', 'x-forwarded-for: 203.0.113.2:7');
    expect((await sendRaw(behind.address.port, twice)).map(({ status }) => status)).toEqual([429]);
    // No address: that of the proxy counts.
    expect((await predict(behind, from('x'.repeat(500)))).status).toBe(200);
    expect((await predict(behind, from('nonsense'))).status).toBe(429);
  });
});

describeWith('redis-server', 'redis-server')('rate limits in Redis', () => {
  let redis: TestRedis;
  beforeEach(async () => {
    redis = await startRedis();
  });
  afterEach(() => redis.stop());

  const limited = (max: number, warnings: string[] = []) =>
    serve({ cache: { url: redis.url }, access: { rateLimit: { max, windowSeconds: 600 } } }, warnings);
  /** How many of so many requests are let through, by turns. */
  async function accepted(servers: readonly RobleServer[], count: number): Promise<number> {
    let answered = 0;
    for (let i = 0; i < count; i++) {
      const { status } = await predict(servers[i % servers.length]!);
      expect([200, 429]).toContain(status);
      if (status === 200) answered++;
    }
    return answered;
  }

  // On a machine so busy that Redis takes longer than 50 ms, a server rightly keeps to its own share meanwhile.
  it('are one limit for all servers', { retry: 5 }, async () => {
    const both = [await limited(10), await limited(10)];
    expect(await accepted(both, 15)).toBe(10);
    expect(await redis.client.ttl('roble:limit:of:address:127.0.0.1')).toBeGreaterThan(500);
  });

  it.each([
    ['is killed', (redis: TestRedis) => redis.stop()],
    ['hangs', async (redis: TestRedis) => void redis.process.kill('SIGSTOP')],
    ['answers nonsense', (redis: TestRedis) => redis.client.set('roble:limit:of:address:127.0.0.1', 'many')],
  ])(
    'when Redis %s in the middle, go on from the last count, each server with its share',
    async (_, fail) => {
      const both = [await limited(20), await limited(20)];
      expect(await accepted(both, 6)).toBe(6);
      await fail(redis);
      // 14 are left, 7 for each. On a machine so busy that Redis was too late before, a server may not know of the
      // other one or of its requests: then it stops at 20 of its own.
      const answered = await accepted(both, 60);
      expect(answered).toBeGreaterThanOrEqual(9);
      expect(answered).toBeLessThanOrEqual(34);
      redis.process.kill('SIGCONT');
    },
  );

  it('are shared again when Redis is back', async () => {
    const warnings: string[] = [];
    const server = await limited(1000, warnings);
    await accepted([server], 3);
    await redis.stop();
    await accepted([server], 10);
    await expect.poll(() => warnings.join(), { timeout: 20_000 }).toContain('keeps to its own share');
    redis = await startRedis(Number(new URL(redis.url).port));
    await expect
      .poll(
        async () => {
          await predict(server);
          return redis.client.exists('roble:limit:of:address:127.0.0.1');
        },
        { timeout: 20_000, interval: 200 },
      )
      .toBe(1);
  });
});

describe('other pages', () => {
  const preflight = (server: RobleServer, origin: string) =>
    fetch(`${server.url}/predict`, {
      method: 'OPTIONS',
      headers: {
        origin,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'x-api-key',
      },
    });

  it('may not ask unless they are listed', async () => {
    const server = await serve({});
    const refused = await preflight(server, 'https://example.com');
    expect(refused.headers.get('access-control-allow-origin')).toBeNull();
    expect(
      (await predict(server, { origin: 'https://example.com' })).headers.get('access-control-allow-origin'),
    ).toBeNull();
  });

  it('may ask when they are, also for a key, and see errors', async () => {
    const file = newFile();
    const { key } = await createKey(file, { name: 'page', scopes: ['predict'] });
    const origin = 'https://example.com';
    const server = await serve({ access: { keysFile: file, cors: [origin, 'http://localhost:3000'] } });
    const allowed = await preflight(server, origin);
    expect(allowed.status).toBe(204);
    expect(Object.fromEntries(allowed.headers)).toMatchObject({
      'access-control-allow-origin': origin,
      'access-control-allow-methods': 'GET, HEAD, POST',
      'access-control-allow-headers': expect.stringContaining('x-api-key'),
    });
    expect(allowed.headers.get('access-control-allow-credentials')).toBeNull();
    const answer = await predict(server, { origin, ...bearer(key) });
    expect([answer.status, answer.headers.get('access-control-allow-origin')]).toEqual([200, origin]);
    const refused = await predict(server, { origin });
    expect([refused.status, refused.headers.get('access-control-allow-origin')]).toEqual([401, origin]);
    for (const other of [
      'https://example.com.evil.test',
      'https://sub.example.com',
      'http://example.com',
      'null',
    ])
      expect((await preflight(server, other)).headers.get('access-control-allow-origin'), other).toBeNull();
    const odd = await send(`${server.url}/predict`, bearer(key), { method: 'OPTIONS' });
    expect(odd.status).toBe(204);
  });

  it('never reach the administration, which needs no preflight to be changed', async () => {
    const server = await serve({ admin: { port: 0 }, access: { cors: ['https://example.com'] } });
    const roll = `${server.adminUrl}/admin/models/quarters/rollback`;
    const refused = await send(roll, { origin: 'https://example.com' }, { method: 'POST' });
    expect(refused).toMatchObject({ status: 403, body: { code: 'ROBLE_ORIGIN_REFUSED' } });
    expect((await send(`${server.adminUrl}/admin/models`)).status).toBe(200);
  });

  it('are told by headers what the own page may do', async () => {
    const server = await serve({});
    for (const path of ['/stats', '/nowhere']) {
      const { headers } = await send(server.url + path);
      expect(headers.get('content-security-policy')).toBe(
        "default-src 'none';script-src 'self';style-src 'self';img-src 'self' data: blob:;connect-src 'self';" +
          "base-uri 'none';frame-ancestors 'none';form-action 'none'",
      );
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('x-frame-options')).toBe('DENY');
      expect(headers.get('referrer-policy')).toBe('no-referrer');
      expect(headers.get('strict-transport-security')).toBeNull();
      expect(headers.get('x-powered-by')).toBeNull();
    }
  });
});

describe('settings that cannot be meant', () => {
  it.each([
    [{ access: { cors: ['example.com'] } }, 'access.cors.0'],
    [{ access: { cors: ['https://example.com/'] } }, 'access.cors.0'],
    [{ access: { cors: ['*'] } }, 'access.cors.0'],
    [{ access: { trustedProxies: ['proxy'] } }, 'access.trustedProxies.0'],
    [{ access: { trustedProxies: ['10.0.0.0/33'] } }, 'access.trustedProxies.0'],
    [{ access: { rateLimit: { max: -1 } } }, 'access.rateLimit.max'],
    [{ tls: { certFile: 'x.pem' } }, 'tls.keyFile'],
    [{ connections: { headersTimeoutMs: 2000, receiveTimeoutMs: 1000 } }, 'connections.headersTimeoutMs'],
  ])('%j is refused', async (options, path) => {
    await expect(serve(options)).rejects.toMatchObject({
      code: 'ROBLE_CONFIG_INVALID',
      details: { problems: [expect.objectContaining({ path })] },
    });
  });
});

describeWith('openssl', 'openssl')('TLS', () => {
  async function certificate(name: string, ...more: string[]) {
    const [certFile, keyFile] = [join(root, `${name}.crt`), join(root, `${name}.key`)];
    await execa('openssl', [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'],
      ...['-subj', `/CN=${name}`, '-addext', 'subjectAltName=IP:127.0.0.1,DNS:localhost'],
      ...['-days', '7', '-keyout', keyFile, '-out', certFile, ...more],
    ]);
    return { certFile, keyFile };
  }

  /** The answer over a connection that trusts this certificate and no other, and what the server showed. */
  function get(server: RobleServer, ca: Buffer): Promise<{ status: number; name: string; hsts: unknown }> {
    return new Promise((resolve, reject) => {
      httpsRequest(`${server.url}/stats`, { ca, agent: false }, (response) => {
        const { subject } = (response.socket as import('node:tls').TLSSocket).getPeerCertificate();
        response.resume();
        resolve({
          status: response.statusCode!,
          name: `${subject.CN}`,
          hsts: response.headers['strict-transport-security'],
        });
      })
        .once('error', reject)
        .end();
    });
  }

  it('answers over https, and takes another certificate without a restart', async () => {
    const tls = await certificate('first');
    const warnings: string[] = [];
    const server = await serve({ tls }, warnings);
    expect(server.url).toMatch(/^https:/);
    const first = await readFile(tls.certFile);
    expect(await get(server, first)).toEqual({
      status: 200,
      name: 'first',
      hsts: expect.stringContaining('max-age='),
    });
    // Plain http on a port of TLS gets no answer, and does no harm.
    await expect(fetch(server.url.replace('https', 'http'))).rejects.toThrow();
    const other = await certificate('second');
    await writeFile(tls.certFile, await readFile(other.certFile));
    await server.reload();
    expect(warnings).toEqual([expect.stringContaining('The certificate stays as it was')]);
    expect((await get(server, first)).name).toBe('first');
    await writeFile(tls.keyFile, await readFile(other.keyFile));
    await server.reload();
    expect((await get(server, await readFile(other.certFile))).name).toBe('second');
    await expect(get(server, first)).rejects.toThrow();
  });

  it('says what is wrong with a certificate', async () => {
    const good = await certificate('good');
    const other = await certificate('other');
    const text = join(root, 'text.pem');
    await writeFile(text, 'no certificate');
    const refused = (tls: object) => serve({ tls });
    await expect(refused({ ...good, certFile: join(root, 'none.pem') })).rejects.toMatchObject({
      code: 'ROBLE_FILE_NOT_FOUND',
      message: expect.stringContaining('none.pem'),
    });
    for (const [tls, path] of [
      [{ ...good, certFile: text }, text],
      [{ ...good, keyFile: text }, text],
      [{ ...good, certFile: good.keyFile }, good.keyFile],
      [{ ...good, keyFile: other.keyFile }, other.keyFile],
    ] as const)
      await expect(refused(tls)).rejects.toMatchObject({
        code: 'ROBLE_TLS_INVALID',
        message: expect.stringContaining(path),
      });
  });

  it('warns of a certificate that has expired', async () => {
    const { keyFile } = await certificate('old');
    const folder = join(root, 'authority');
    await mkdir(folder);
    const [config, request, certFile] = ['ca.cnf', 'old.csr', 'old.crt'].map((name) => join(folder, name));
    // Only "openssl ca" of every version can write a time that has passed.
    await writeFile(join(folder, 'index.txt'), '');
    await writeFile(
      config!,
      `[ca]\ndefault_ca=own\n[own]\ndatabase=${folder}/index.txt\nnew_certs_dir=${folder}\nrand_serial=yes\n` +
        'default_md=sha256\npolicy=any\n[any]\ncommonName=supplied\n',
    );
    await execa('openssl', ['req', '-new', '-key', keyFile, '-subj', '/CN=old', '-out', request!]);
    await execa('openssl', [
      ...[
        'ca',
        '-batch',
        '-selfsign',
        '-config',
        config!,
        '-in',
        request!,
        '-out',
        certFile!,
        '-keyfile',
        keyFile,
      ],
      ...['-startdate', '20200101000000Z', '-enddate', '20200201000000Z', '-notext'],
    ]);
    const warnings: string[] = [];
    await serve({ tls: { certFile, keyFile } }, warnings);
    expect(warnings).toEqual([expect.stringContaining('clients will refuse it')]);
  });
});
