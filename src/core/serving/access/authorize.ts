import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { RobleError } from '../../base/errors.js';
import { type ApiKey, type Scope, stateOf } from './api-key.js';
import type { KeyRing } from './key-ring.js';
import { neededScopes } from './route-scopes.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** The valid key that the request came with, where keys are asked for. */
    apiKey: ApiKey | undefined;
  }
}

/** Looks whether requests come with a valid key; {@link requireKeys} then refuses those that need one. */
export function recogniseKeys(app: FastifyInstance, keys: KeyRing): void {
  app.addHook('onRequest', async (request) => {
    const secret = secretOf(request);
    const key = secret === undefined ? undefined : await keys.find(secret);
    if (key && stateOf(key, Date.now()) === 'valid') request.apiKey = key;
  });
}

/** Refuses with 401 what has no valid key, and with 403 a key that is good for other things. */
export function requireKeys(app: FastifyInstance): void {
  app.addHook('onRequest', async (request, reply) => {
    const needed = neededScopes(request);
    if (!needed) return;
    if (!request.apiKey) throw refusal(request, reply);
    checkScopes(request.apiKey, needed, reply);
  });
}

/** Says the same of wrong, revoked and expired keys: a stranger is told nothing of a key. */
function refusal(request: FastifyRequest, reply: FastifyReply): RobleError {
  const isGiven = secretOf(request) !== undefined;
  reply.header('www-authenticate', `Bearer realm="roble"${isGiven ? ', error="invalid_token"' : ''}`);
  return new RobleError(
    'ROBLE_KEY_REFUSED',
    isGiven ? 'The key is unknown, revoked or expired.' : 'The request has no key.',
    { expected: 'a valid key, in the header "Authorization: Bearer KEY" or "x-api-key: KEY"' },
  );
}

function checkScopes({ scopes }: ApiKey, needed: readonly Scope[], reply: FastifyReply): void {
  if (scopes.some((scope) => needed.includes(scope))) return;
  reply.header(
    'www-authenticate',
    `Bearer realm="roble", error="insufficient_scope", scope="${needed.join(' ')}"`,
  );
  throw new RobleError('ROBLE_SCOPE_MISSING', 'The key is not good for this.', {
    received: `a key for ${scopes.join(', ') || 'nothing'}`,
    expected: `a key for ${needed.join(' or ')}`,
  });
}

/** Never from the address, which ends up in logs and histories. */
function secretOf({ headers }: FastifyRequest): string | undefined {
  const [, bearer] = /^bearer +(\S+) *$/i.exec(headers.authorization ?? '') ?? [];
  const { 'x-api-key': given } = headers;
  return bearer ?? (typeof given === 'string' && given !== '' ? given : undefined);
}
