import { randomBytes, timingSafeEqual } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import { RobleError } from '../../base/errors.js';
import { checkedJson } from '../../base/schema/checked.js';
import { replaceFile, sha256 } from '../../base/storage/durable.js';
import { exists, fileVersion } from '../../base/storage/files.js';
import { withLock } from '../../base/storage/folder-lock.js';
import { readTextFile } from '../../base/storage/text-file.js';
import { didYouMean } from '../../base/text/text.js';
import { SCOPES, type Scope } from './settings.js';

/** What the file knows of a key. The key itself is not there. */
const apiKeySchema = z.strictObject({
  id: z.string().regex(/^[0-9a-f]+$/),
  name: z.string().min(1),
  /**
   * A plain hash is enough: the key is 256 random bits, which nobody can try out. Slow, salted hashes are for passwords,
   * which people choose.
   */
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  scopes: z.array(z.enum(SCOPES)),
  created: z.iso.datetime(),
  expires: z.iso.datetime().optional(),
  revoked: z.iso.datetime().optional(),
});

const fileSchema = z.strictObject({ version: z.literal(1), keys: z.array(apiKeySchema) });

/** Only its owner reads it: the hashes betray no key, but the names are nobody's business. */
const FILE_MODE = 0o600;

/** A key without its hash, as people and scripts may see it. */
export interface ListedKey extends Omit<ApiKey, 'sha256'> {
  readonly state: KeyState;
}

export interface NewKey {
  readonly name: string;
  readonly scopes: readonly Scope[];
  readonly expires?: Date | undefined;
}

/**
 * The keys in a file.
 *
 * @throws {RobleError} `ROBLE_FILE_NOT_FOUND`, `ROBLE_KEYS_INVALID`
 */
export async function readKeys(path: string): Promise<readonly ApiKey[]> {
  const text = await readTextFile(path, { code: 'ROBLE_KEYS_INVALID', isSecret: true });
  return checkedJson(fileSchema, text, 'ROBLE_KEYS_INVALID', path).keys;
}

/** As {@link readKeys}, for people: without hashes, with the state of each key. */
export async function listKeys(path: string): Promise<ListedKey[]> {
  return (await readKeys(path)).map(listed);
}

/**
 * Adds a key to a file, which is made where there is none.
 *
 * @returns the key itself, which is kept nowhere, and its record
 * @throws {RobleError} `ROBLE_KEY_EXISTS`, `ROBLE_KEYS_INVALID`, `ROBLE_FOLDER_LOCKED`
 */
export async function createKey(
  path: string,
  { name, scopes, expires }: NewKey,
): Promise<ListedKey & { readonly key: string }> {
  const key = randomKey();
  const record: ApiKey = {
    id: randomKeyId(),
    name,
    sha256: sha256(key),
    scopes: [...new Set(scopes)],
    created: new Date().toISOString(),
    ...(expires && { expires: expires.toISOString() }),
  };
  await mkdir(dirname(path), { recursive: true });
  await change(path, async () => {
    const keys = (await exists(path)) ? await readKeys(path) : [];
    if (keys.some((other) => other.name === name && other.revoked === undefined))
      throw new RobleError('ROBLE_KEY_EXISTS', `There is a key of the name "${name}" already.`, {
        nextSteps: ['Choose another name, or revoke that key first.'],
      });
    return [...keys, record];
  });
  return { ...listed(record), key };
}

/**
 * Ends a key, by its id or its name; servers that read the file refuse it within a second. Its record stays.
 *
 * @throws {RobleError} `ROBLE_KEY_UNKNOWN`, `ROBLE_KEYS_INVALID`, `ROBLE_FILE_NOT_FOUND`, `ROBLE_FOLDER_LOCKED`
 */
export async function revokeKey(path: string, nameOrId: string): Promise<ListedKey> {
  let revoked: ApiKey | undefined;
  await change(path, async () => {
    const keys = await readKeys(path);
    const live = keys.filter((key) => key.revoked === undefined);
    const found = live.find(({ id }) => id === nameOrId) ?? live.find(({ name }) => name === nameOrId);
    if (!found)
      throw new RobleError('ROBLE_KEY_UNKNOWN', `There is no key "${nameOrId}" that could be revoked.`, {
        received: nameOrId,
        expected: live.map(({ name }) => name).join(', ') || 'a key; there is none',
        nextSteps: didYouMean(
          nameOrId,
          live.map(({ name }) => name),
        ),
      });
    revoked = { ...found, revoked: new Date().toISOString() };
    return keys.map((key) => (key === found ? revoked! : key));
  });
  return listed(revoked!);
}

/** One process at a time, so that nobody's change is lost. */
function change(path: string, next: () => Promise<readonly ApiKey[]>): Promise<void> {
  return withLock(dirname(path), async () => {
    const content = { version: 1, keys: await next() };
    await replaceFile(path, `${JSON.stringify(content, null, 2)}\n`, FILE_MODE);
  });
}

function listed(key: ApiKey): ListedKey {
  const { sha256: _, ...shown } = key;
  return { ...shown, state: stateOf(key, Date.now()) };
}

const KEY_BYTES = 32;
const ID_BYTES = 6;
export type ApiKey = z.output<typeof apiKeySchema>;

/** A new key, as only its owner ever has it. The prefix lets scanners find one that was published by mistake. */
function randomKey(): string {
  return `roble_${randomBytes(KEY_BYTES).toString('base64url')}`;
}

function randomKeyId(): string {
  return randomBytes(ID_BYTES).toString('hex');
}

/** The record of a key, in a time that does not depend on which it is, or on how near a wrong one comes. */
function findKey(keys: readonly ApiKey[], secret: string): ApiKey | undefined {
  const hash = Buffer.from(sha256(secret), 'hex');
  let found: ApiKey | undefined;
  for (const key of keys) if (timingSafeEqual(hash, Buffer.from(key.sha256, 'hex'))) found = key;
  return found;
}

export type KeyState = 'valid' | 'expired' | 'revoked';

export function stateOf({ expires, revoked }: ApiKey, now: number): KeyState {
  if (revoked !== undefined) return 'revoked';
  return expires !== undefined && Date.parse(expires) <= now ? 'expired' : 'valid';
}

/** A key that is revoked works for no longer than this. */
const FRESH_MS = 500;

/** The keys of a file, read again when it changed. What cannot be read leaves the last good keys in force. */
export class KeyRing {
  readonly #path: string;
  readonly #warn: (message: string) => void;
  readonly #now: () => number;
  #keys: readonly ApiKey[];
  #version: string | undefined;
  #checkedAt: number;
  #checking: Promise<void> | undefined;

  private constructor(
    path: string,
    keys: readonly ApiKey[],
    version: string | undefined,
    warn: (message: string) => void,
    now: () => number,
  ) {
    this.#path = path;
    this.#keys = keys;
    this.#version = version;
    this.#warn = warn;
    this.#now = now;
    this.#checkedAt = now();
  }

  /** @throws {RobleError} `ROBLE_FILE_NOT_FOUND`, `ROBLE_KEYS_INVALID`: without keys a server must not start open */
  static async open(
    path: string,
    warn: (message: string) => void,
    now = () => performance.now(),
  ): Promise<KeyRing> {
    const version = await fileVersion(path);
    return new KeyRing(path, await readKeys(path), version, warn, now);
  }

  /** The record of a key, revoked and expired ones too; undefined for a word that is no key. */
  async find(secret: string): Promise<ApiKey | undefined> {
    if (this.#now() - this.#checkedAt > FRESH_MS) {
      this.#checking ??= this.#readAgain().finally(() => {
        this.#checking = undefined;
      });
      await this.#checking;
    }
    return findKey(this.#keys, secret);
  }

  async #readAgain(): Promise<void> {
    const version = await fileVersion(this.#path);
    if (version !== this.#version) {
      this.#version = version;
      try {
        this.#keys = await readKeys(this.#path);
      } catch (error) {
        this.#warn(`The keys stay as they were: ${(error as Error).message}`);
      }
    }
    this.#checkedAt = this.#now();
  }
}
