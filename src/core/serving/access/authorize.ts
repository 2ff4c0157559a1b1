import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { RobleError } from '../../base/errors.js';
import { type ApiKey, type KeyRing, stateOf } from './api-keys.js';
import { SCOPES, type Scope } from './settings.js';

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

/** Asked by what looks after the server, which has no key, and must not be turned away by a limit. */
const HEALTH = /^\/(v2\/)?health\//;

/** What a browser loads before anybody could enter a key; none of it says anything about the model or its answers. */
const OPEN = /^\/($|page\/|docs(\/|$)|openapi\.json$)/;

/** Any of the scopes opens the routes; the first pattern that fits counts. */
const NEEDED: readonly (readonly [RegExp, readonly Scope[]])[] = [
  [/^\/feedback(\/|$)/, ['feedback']],
  [/^\/(metrics|stats)(\/|$)/, ['metrics']],
  [/^\/admin\//, ['admin']],
  [/^\//, ['predict']],
];

export function isHealth({ routeOptions }: FastifyRequest): boolean {
  return isHealthPath(routeOptions.url ?? '');
}

export function isHealthPath(pattern: string): boolean {
  return HEALTH.test(pattern);
}

/**
 * The scopes of which a key needs one for a request; undefined when it needs no key. By the pattern of the route, which no
 * spelling of the path changes. What is not there is told to every key, and to nobody else.
 */
function neededScopes({ routeOptions }: FastifyRequest): readonly Scope[] | undefined {
  return routeOptions.url === undefined ? SCOPES : scopesOfPath(routeOptions.url);
}

/** The same for the pattern of a route. */
export function scopesOfPath(pattern: string): readonly Scope[] | undefined {
  if (isHealthPath(pattern) || OPEN.test(pattern)) return undefined;
  return NEEDED.find(([needs]) => needs.test(pattern))?.[1] ?? SCOPES;
}
