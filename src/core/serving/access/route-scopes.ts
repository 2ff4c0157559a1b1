import type { FastifyRequest } from 'fastify';
import { SCOPES, type Scope } from './api-key.js';

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
export function neededScopes({ routeOptions }: FastifyRequest): readonly Scope[] | undefined {
  return routeOptions.url === undefined ? SCOPES : scopesOfPath(routeOptions.url);
}

/** The same for the pattern of a route. */
export function scopesOfPath(pattern: string): readonly Scope[] | undefined {
  if (isHealthPath(pattern) || OPEN.test(pattern)) return undefined;
  return NEEDED.find(([needs]) => needs.test(pattern))?.[1] ?? SCOPES;
}
