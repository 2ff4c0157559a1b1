import { X509Certificate } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createKey, listKeys } from '../../serving/access/api-keys.js';
import { makeSecrets } from './secrets.js';
import { SECRETS } from './stack-settings.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'roble-secrets-'));
  await writeFile(join(folder, '.env.example'), 'ROBLE_UID=1000\nROBLE_GID=1000\nX=1\n');
});
afterEach(() => rm(folder, { recursive: true }));

const make = (rotate = false) => makeSecrets({ folder, rotate, domain: 'letters.example.com' });
const secret = (name: string) => readFile(join(folder, 'secrets', name), 'utf8');
const all = async () =>
  Object.fromEntries(await Promise.all(SECRETS.map(async (name) => [name, await secret(name)])));
const mode = async (name: string) => (await stat(join(folder, name))).mode & 0o777;

describe('makeSecrets', () => {
  it('makes passwords that belong together, in a folder for its owner alone', async () => {
    const { clientKey, kept } = await make();
    expect(kept).toEqual([]);
    expect(clientKey).toMatch(/^roble_/);
    const made = await all();
    expect(made.predictions_url).toBe(
      `postgres://roble_app:${made.postgres_app_password}@postgres:5432/roble`,
    );
    expect(made.redis_users).not.toContain(new URL(made.redis_url!).password);
    expect(new Set(Object.values(made)).size).toBe(SECRETS.length);
    expect([await mode('secrets'), await mode('keys'), await mode('.env')]).toEqual([0o700, 0o700, 0o600]);
    const keys = await listKeys(join(folder, 'keys/keys.json'));
    expect(keys.map(({ name, scopes }) => [name, scopes])).toEqual([
      ['prometheus', ['metrics']],
      ['operator', ['admin', 'metrics']],
      ['first-client', ['predict', 'feedback']],
    ]);
  });

  it('makes a certificate for the domain and for this machine', async () => {
    await make();
    const certificate = new X509Certificate(await secret('tls/tls.crt'));
    expect(certificate.checkHost('letters.example.com')).toBe('letters.example.com');
    expect(certificate.checkIP('127.0.0.1')).toBe('127.0.0.1');
    expect(Date.parse(certificate.validTo) - Date.now()).toBeGreaterThan(360 * 86_400_000);
  });

  it('keeps what is there, and makes what is missing', async () => {
    await make();
    const before = await all();
    await rm(join(folder, 'secrets/grafana_password'));
    await writeFile(join(folder, '.env'), 'mine');
    const { written, clientKey } = await make();
    expect([written, clientKey]).toEqual([[join('secrets', 'grafana_password')], undefined]);
    expect({ ...(await all()), grafana_password: '' }).toEqual({ ...before, grafana_password: '' });
    expect(await readFile(join(folder, '.env'), 'utf8')).toBe('mine');
  });

  it('makes the other half anew where one of two that belong together is missing', async () => {
    await make();
    const { redis_users: before } = await all();
    await rm(join(folder, 'secrets/redis_url'));
    await make();
    expect((await all()).redis_users).not.toBe(before);
  });

  it('rotates all but what the first start of a database took, and ends the old keys', async () => {
    await make();
    const before = await all();
    await make(true);
    const after = await all();
    const same = SECRETS.filter((name) => before[name] === after[name]);
    expect(same).toEqual(['postgres_password', 'grafana_password']);
    const keys = await listKeys(join(folder, 'keys/keys.json'));
    expect(
      keys
        .filter(({ state }) => state === 'valid')
        .map(({ name }) => name)
        .sort(),
    ).toEqual(['first-client', 'operator', 'prometheus']);
    expect(keys.filter(({ state }) => state === 'revoked')).toHaveLength(2);
  });

  it.runIf(process.getuid?.() === 0)(
    'gives to the containers what root makes, also what it makes anew',
    async () => {
      await make();
      const owner = async (name: string) => (await stat(join(folder, name))).uid;
      const theirs = ['keys', 'keys/keys.json', 'secrets/redis_url', 'secrets/predictions_url'];
      expect(await Promise.all(theirs.map(owner))).toEqual([1000, 1000, 1000, 1000]);
      expect(await owner('secrets/redis_users')).toBe(0);
      await createKey(join(folder, 'keys/keys.json'), { name: 'shop', scopes: ['predict'] });
      expect(await owner('keys/keys.json')).toBe(1000);
    },
  );

  it('closes secrets that were open to more than need them', async () => {
    await make();
    await chmod(join(folder, 'secrets/redis_url'), 0o644);
    await make();
    expect(await mode('secrets/redis_url')).toBe(0o600);
    expect(await mode('secrets/redis_users')).toBe(0o644);
  });

  it('closes a folder that was open, and refuses one without a stack', async () => {
    await mkdir(join(folder, 'secrets'));
    await chmod(join(folder, 'secrets'), 0o755);
    await make();
    expect(await mode('secrets')).toBe(0o700);
    await rm(join(folder, '.env.example'));
    await expect(make()).rejects.toMatchObject({ code: 'ROBLE_STACK_INVALID' });
  });
});
