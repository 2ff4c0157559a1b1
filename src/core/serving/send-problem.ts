import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { RobleError } from '../errors.js';
import { type ProblemDetails, problemOf } from './problem.js';

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;

export interface ProblemOptions {
  /** Seconds after which a client that was refused may find room. */
  readonly retryAfterSeconds: () => number;
  /** Told what the answer keeps to itself. */
  readonly warn: (message: string) => void;
  /** The form of an error in another protocol. */
  readonly toBody?: (problem: ProblemDetails) => object;
}

/** Lets an application answer every error and every unknown path as a problem (RFC 9457). Comes before its routes. */
export function answerProblems(app: FastifyInstance, options: ProblemOptions): void {
  const paths: string[] = [];
  app.addHook('onRoute', ({ method, url }) => {
    const methods = [method].flat().filter((name) => METHODS.some((known) => known === name));
    paths.push(...methods.map((name) => `${name} ${url}`));
  });
  app.setErrorHandler((error, _, reply) => sendProblem(reply, error, options));
  app.setNotFoundHandler((request, reply) => refuseRoute(app, paths, request, reply, options));
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
  return sendBody(reply, problem, options);
}

function sendBody(reply: FastifyReply, problem: ProblemDetails, { toBody }: ProblemOptions): FastifyReply {
  return reply
    .code(problem.status)
    .type(toBody ? 'application/json' : 'application/problem+json')
    .send(toBody ? toBody(problem) : problem);
}

/** 405 where another method would do, else 404. */
function refuseRoute(
  app: FastifyInstance,
  paths: readonly string[],
  request: FastifyRequest,
  reply: FastifyReply,
  options: ProblemOptions,
): FastifyReply {
  const url = request.url.split('?')[0]!;
  const allowed = METHODS.filter((method) => app.findRoute({ method, url }) !== null);
  const status = allowed.length > 0 ? 405 : 404;
  const error = new RobleError('ROBLE_ROUTE_UNKNOWN', `There is no ${request.method} ${url}.`, {
    received: `${request.method} ${url}`,
    expected: allowed.join(', ') || paths.join(', '),
  });
  request.record.problem = error.code;
  if (allowed.length > 0) reply.header('allow', allowed.join(', '));
  return sendBody(reply, { ...problemOf(error), status }, options);
}
