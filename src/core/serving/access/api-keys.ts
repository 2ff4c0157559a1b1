import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import { checkedJson } from '../../base/schema/checked.js';
import { RobleError } from '../../base/errors.js';
import { replaceFile, sha256 } from '../../base/storage/durable.js';
import { exists } from '../../base/storage/exists.js';
import { withLock } from '../../base/storage/folder-lock.js';
import { readTextFile } from '../../base/storage/text-file.js';
import { didYouMean } from '../../base/text.js';
import {
  type ApiKey,
  apiKeySchema,
  type KeyState,
  randomKey,
  randomKeyId,
  type Scope,
  stateOf,
} from './api-key.js';

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
