import { randomBytes, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import { sha256 } from '../../base/storage/durable.js';

/** What a key can be good for. */
export const SCOPES = ['predict', 'feedback', 'metrics', 'admin'] as const;
export type Scope = (typeof SCOPES)[number];

const KEY_BYTES = 32;
const ID_BYTES = 6;

/** What the file knows of a key. The key itself is not there. */
export const apiKeySchema = z.strictObject({
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
export type ApiKey = z.output<typeof apiKeySchema>;

/** A new key, as only its owner ever has it. The prefix lets scanners find one that was published by mistake. */
export function randomKey(): string {
  return `roble_${randomBytes(KEY_BYTES).toString('base64url')}`;
}

export function randomKeyId(): string {
  return randomBytes(ID_BYTES).toString('hex');
}

/** The record of a key, in a time that does not depend on which it is, or on how near a wrong one comes. */
export function findKey(keys: readonly ApiKey[], secret: string): ApiKey | undefined {
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
