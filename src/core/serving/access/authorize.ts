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

/** Who may ask a route: keys of a scope; anybody; or probes of the server's health, as often as they like. */
export type RouteAccess = Scope | 'anybody' | 'probes';

declare module 'fastify' {
  interface FastifyContextConfig {
    readonly access?: RouteAccess;
  }
}

/** Refuses to start with a route that does not say who may ask it. Has to come before the routes. */
export function requireAccess(app: FastifyInstance): void {
  app.addHook('onRoute', ({ method, url, config }) => {
    if (!config?.access) throw new Error(`The route ${method} ${url} does not say who may ask it.`);
  });
}

/** Notes which requests come with a valid key; {@link requireKeys} then refuses those that need one. */
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

/** The same answer for wrong, revoked and expired keys: a stranger learns nothing about a key. */
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

/** Whether a route is for what looks after the server, which has no key, and must not be turned away by a limit. */
export function isForProbes({ routeOptions }: FastifyRequest): boolean {
  return routeOptions.config.access === 'probes';
}

/** The scope that a key needs for a route; undefined when it needs no key. */
export function scopeOf(access: RouteAccess): Scope | undefined {
  return access === 'anybody' || access === 'probes' ? undefined : access;
}

/**
 * The scopes for a request, of which a key needs one; undefined when it needs no key. Any key, and nobody else, learns that
 * a path does not exist.
 */
function neededScopes({ routeOptions }: FastifyRequest): readonly Scope[] | undefined {
  const { access } = routeOptions.config;
  if (!access) return SCOPES;
  const scope = scopeOf(access);
  return scope && [scope];
}
