import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { RobleError } from '../../base/errors.js';
import { CODINGS } from './content-coding.js';
import { type ProblemDetails, problemOf } from './problem.js';

/** What routes answer to. */
const ROUTED = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;

interface Route {
  readonly method: string;
  readonly url: string;
}

export interface ProblemOptions {
  /** Seconds after which a client that was refused may find room. */
  readonly retryAfterSeconds: () => number;
  /** Told what the answer keeps to itself. */
  readonly warn: (message: string) => void;
  /** The form of an error in another protocol; undefined where the path is of none. */
  readonly toBody?: (problem: ProblemDetails, path: string) => object | undefined;
}

export function pathOf({ url }: FastifyRequest): string {
  return url.split('?')[0]!;
}

/** Lets an application answer every error and every unknown path as a problem (RFC 9457). Comes before its routes. */
export function answerProblems(app: FastifyInstance, options: ProblemOptions): void {
  const routes: Route[] = [];
  app.addHook('onRoute', ({ method, url }) => {
    routes.push(...[method].flat().map((method) => ({ method, url })));
  });
  app.setErrorHandler((error, _, reply) => sendProblem(reply, error, options));
  app.setNotFoundHandler((request, reply) => answerWithoutRoute(app, routes, request, reply, options));
}

export function sendProblem(reply: FastifyReply, error: unknown, options: ProblemOptions): FastifyReply {
  const { retryAfterSeconds, warn } = options;
  const problem = problemOf(error);
  reply.request.record.problem = problem.code;
  if (problem.status === 500)
    warn(`Request ${reply.request.id} failed: ${(error as Error).stack ?? String(error)}`);
  if (problem.status === 502) warn(`Request ${reply.request.id} failed: ${(error as Error).message}`);
  const mayTryAgain = problem.status === 429 || problem.status === 503;
  // A rate limit said when already.
  if (mayTryAgain && !reply.hasHeader('retry-after')) reply.header('retry-after', retryAfterSeconds());
  if (problem.code === 'ROBLE_CODING_UNSUPPORTED') reply.header('accept-encoding', CODINGS.join(', '));
  return sendBody(reply, problem, options);
}

function sendBody(reply: FastifyReply, problem: ProblemDetails, { toBody }: ProblemOptions): FastifyReply {
  const body = toBody?.(problem, pathOf(reply.request));
  return reply
    .code(problem.status)
    .type(body ? 'application/json' : 'application/problem+json')
    .send(body ?? problem);
}

/**
 * What no route answers: 404 for a path that is not there, 405 for a method that the path does not have; `OPTIONS` is told
 * which it has. Methods that are none of HTTP do not come so far.
 */
function answerWithoutRoute(
  app: FastifyInstance,
  routes: readonly Route[],
  request: FastifyRequest,
  reply: FastifyReply,
  options: ProblemOptions,
): FastifyReply {
  const { method } = request;
  const url = pathOf(request);
  const has = (name: (typeof ROUTED)[number]) =>
    url === '*'
      ? routes.some((route) => route.method === name)
      : app.findRoute({ method: name, url }) !== null;
  const methods = ROUTED.filter(has);
  const isThere = methods.length > 0;
  const allow = [...methods, 'OPTIONS'].join(', ');
  if (isThere) reply.header('allow', allow);
  if (isThere && method === 'OPTIONS') return reply.code(204).send();
  const error = new RobleError('ROBLE_ROUTE_UNKNOWN', `There is no ${method} ${url}.`, {
    received: `${method} ${url}`,
    expected: isThere ? allow : listOf(routes),
  });
  request.record.problem = error.code;
  return sendBody(reply, { ...problemOf(error), status: isThere ? 405 : 404 }, options);
}

/** Without what follows from others. */
function listOf(routes: readonly Route[]): string {
  return routes
    .filter(({ method }) => method !== 'HEAD')
    .map(({ method, url }) => `${method} ${url}`)
    .join(', ');
}
