import { randomBytes } from 'node:crypto';
import { chown, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { RobleError } from '../../base/errors.js';
import { replaceFile, sha256 } from '../../base/storage/durable.js';
import { exists } from '../../base/storage/files.js';
import { createKey, listKeys, revokeKey } from '../../serving/access/api-keys.js';
import type { Scope } from '../../serving/access/settings.js';
import { CONTAINERS_OWN, makeReadableFolder, makeServerFolders, setMode } from './permissions.js';
import { OWN_SECRETS, SECRETS, type SecretName, STACK_DEFAULTS } from './stack-settings.js';
import { readStackManifest } from './write-stack.js';

export interface MakeSecretsOptions {
  /** Of the stack. */
  readonly folder: string;
  /** New passwords of Redis and PostgreSQL, and a new key of Prometheus, in place of those that are there. */
  readonly rotate: boolean;
  /** Name in a new certificate; undefined: that of the stack. */
  readonly domain?: string | undefined;
}

export interface MadeSecrets {
  readonly written: readonly string[];
  readonly kept: readonly string[];
  /** A key for clients, made when there was none; it is kept nowhere. */
  readonly clientKey?: string;
}

/** Docker shows each secret, with its rights, to services: those that run as the owner of the files, and others. */
const OWN_MODE = 0o600;
const SHOWN_MODE = 0o644;

const KEYS = join('keys', 'keys.json');
/** Of people on the machine, for scripts/admin.sh; no container gets it. */
const ADMIN_KEY = join('secrets', 'admin_key');
/** What `--rotate` leaves: PostgreSQL and Grafana took these once, at their first start. */
const NOT_ROTATED: readonly SecretName[] = ['postgres_password', 'grafana_password'];

/** What Redis is asked by the APIs; everything else, such as CONFIG, FLUSHALL or KEYS, is refused. */
const REDIS_RIGHTS =
  '~roble:* -@all +ping +info +get +set +eval +evalsha +incr +pttl +pexpire +time +zadd +zremrangebyscore +zcard';

/**
 * Makes the secrets of a stack that are missing: passwords, keys, a self-signed certificate to begin with, and `.env`.
 *
 * @throws {RobleError} `ROBLE_STACK_INVALID` for a folder that holds no stack, `ROBLE_WRITE_FAILED`
 */
export async function makeSecrets({ folder, rotate, domain }: MakeSecretsOptions): Promise<MadeSecrets> {
  if (!(await exists(join(folder, '.env.example'))))
    throw new RobleError('ROBLE_STACK_INVALID', `${folder} holds no stack: it has no .env.example.`, {
      expected: 'a folder that "roble deploy:compose" wrote',
    });
  await makeServerFolders(folder);
  // Shown to nginx as a folder, so that a certificate can be renewed.
  await makeReadableFolder(join(folder, 'secrets'), 'tls');
  const files = new SecretFiles(folder);
  await makePasswords(files, rotate);
  await makeAdminKey(files, rotate);
  await makeCertificate(files, domain);
  if (await files.has('.env')) await files.keep('.env', OWN_MODE);
  else await files.write('.env', await environmentFile(folder), OWN_MODE);
  const clientKey = await firstClientKey(folder);
  await giveToContainers(folder);
  return { written: files.written, kept: files.kept, ...(clientKey !== undefined && { clientKey }) };
}

/** Files of a stack that are made or stay, each with the mode that it has to have. */
class SecretFiles {
  readonly written: string[] = [];
  readonly kept: string[] = [];

  constructor(readonly folder: string) {}

  has(path: string): Promise<boolean> {
    return exists(join(this.folder, path));
  }

  async write(path: string, content: string, mode = SHOWN_MODE): Promise<void> {
    await replaceFile(join(this.folder, path), content, mode);
    this.written.push(path);
  }

  async keep(path: string, mode = SHOWN_MODE): Promise<void> {
    await setMode(join(this.folder, path), mode);
    this.kept.push(path);
  }
}

async function makePasswords(files: SecretFiles, rotate: boolean): Promise<void> {
  const isThere = new Map<SecretName, boolean>();
  for (const name of SECRETS) isThere.set(name, await files.has(join('secrets', name)));
  const isWanted = (name: SecretName) => !isThere.get(name) || (rotate && !NOT_ROTATED.includes(name));
  const contents = passwords(isWanted);
  if (isWanted('metrics_key'))
    contents.set('metrics_key', await newKey(files.folder, 'prometheus', ['metrics']));
  for (const name of SECRETS) {
    const content = contents.get(name);
    const mode = OWN_SECRETS.includes(name) ? OWN_MODE : SHOWN_MODE;
    if (content === undefined) await files.keep(join('secrets', name), mode);
    else await files.write(join('secrets', name), content, mode);
  }
}

/** A secret that depends on another one, such as an address with a password, is made together with it. */
function passwords(isWanted: (name: SecretName) => boolean): Map<SecretName, string> {
  const made = new Map<SecretName, string>();
  for (const name of [
    'postgres_password',
    'postgres_reader_password',
    'postgres_backup_password',
    'grafana_password',
  ] as const)
    if (isWanted(name)) made.set(name, randomPassword());
  if (isWanted('postgres_app_password') || isWanted('predictions_url')) {
    const password = randomPassword();
    made.set('postgres_app_password', password);
    made.set('predictions_url', `postgres://roble_app:${password}@postgres:5432/roble`);
  }
  if (isWanted('redis_users') || isWanted('redis_url')) {
    const password = randomPassword();
    // The check of Docker's engine asks without a password, and may do nothing else.
    made.set(
      'redis_users',
      `user default on nopass -@all +ping\nuser roble on #${sha256(password)} ${REDIS_RIGHTS}\n`,
    );
    made.set('redis_url', `redis://roble:${password}@redis:6379`);
  }
  return made;
}

/** 192 bits that need no quoting anywhere. */
function randomPassword(): string {
  return randomBytes(24).toString('base64url');
}

async function makeAdminKey(files: SecretFiles, rotate: boolean): Promise<void> {
  if (!rotate && (await files.has(ADMIN_KEY))) return files.keep(ADMIN_KEY, OWN_MODE);
  await files.write(ADMIN_KEY, await newKey(files.folder, 'operator', ['admin', 'metrics']), OWN_MODE);
}

/** @param domain name in a new certificate; undefined: that of the stack */
async function makeCertificate(files: SecretFiles, domain: string | undefined): Promise<void> {
  const certificate = join('secrets', 'tls', 'tls.crt');
  const key = join('secrets', 'tls', 'tls.key');
  if (await files.has(certificate)) {
    await files.keep(certificate);
    // The key is listed with its certificate.
    if (await files.has(key)) await setMode(join(files.folder, key), SHOWN_MODE);
    return;
  }
  const { choices } = (await readStackManifest(files.folder)) ?? {};
  const made = await selfSignedCertificate(domain ?? choices?.domain ?? STACK_DEFAULTS.domain);
  await files.write(certificate, made.cert);
  await files.write(key, made.key);
}

/** In place of the one of that name before. */
async function newKey(folder: string, name: string, scopes: readonly Scope[]): Promise<string> {
  const file = join(folder, KEYS);
  for (const key of await liveKeys(file)) if (key.name === name) await revokeKey(file, key.id);
  return (await createKey(file, { name, scopes })).key;
}

async function firstClientKey(folder: string): Promise<string | undefined> {
  const file = join(folder, KEYS);
  if ((await liveKeys(file)).some(({ scopes }) => scopes.includes('predict'))) return undefined;
  return (await createKey(file, { name: 'first-client', scopes: ['predict', 'feedback'] })).key;
}

async function liveKeys(file: string) {
  const keys = (await exists(file)) ? await listKeys(file) : [];
  return keys.filter(({ state }) => state === 'valid');
}

/** What root makes would be closed to the containers, which never run as root. */
async function giveToContainers(folder: string): Promise<void> {
  if (process.getuid?.() !== 0) return;
  const env = await readFile(join(folder, '.env'), 'utf8');
  const [uid, gid] = ['ROBLE_UID', 'ROBLE_GID'].map((name) =>
    Number(new RegExp(`^${name}=(\\d+)$`, 'm').exec(env)?.[1]),
  );
  if (!uid || !gid) return;
  for (const name of OWN_SECRETS) await chown(join(folder, 'secrets', name), uid, gid);
  for (const name of CONTAINERS_OWN) {
    const top = join(folder, name);
    if (!(await exists(top))) continue;
    await chown(top, uid, gid);
    for (const entry of await readdir(top, { recursive: true })) await chown(join(top, entry), uid, gid);
  }
}

async function environmentFile(folder: string): Promise<string> {
  const example = await readFile(join(folder, '.env.example'), 'utf8');
  const [uid, gid] = [process.getuid?.(), process.getgid?.()];
  // As root, the containers still do not run as root: 1000 is who usually owns what root copies there.
  if (!uid || !gid) return example;
  return example
    .replace(/^ROBLE_UID=.*$/m, `ROBLE_UID=${uid}`)
    .replace(/^ROBLE_GID=.*$/m, `ROBLE_GID=${gid}`);
}

const YEAR_MS = 365 * 86_400_000;

/** A certificate to begin with, for a year and one name, in PEM form: browsers warn of it. */
export async function selfSignedCertificate(domain: string): Promise<{ cert: string; key: string }> {
  const { generate } = await import('selfsigned');
  const pems = await generate([{ name: 'commonName', value: domain }], {
    keyType: 'ec',
    curve: 'P-256',
    algorithm: 'sha256',
    notAfterDate: new Date(Date.now() + YEAR_MS),
    extensions: [
      { name: 'basicConstraints', cA: false },
      { name: 'keyUsage', digitalSignature: true },
      { name: 'extKeyUsage', serverAuth: true },
      {
        name: 'subjectAltName',
        altNames: [
          { type: 2, value: domain },
          { type: 2, value: 'nginx' },
          { type: 7, ip: '127.0.0.1' },
        ],
      },
    ],
  });
  return { cert: pems.cert, key: pems.private };
}
