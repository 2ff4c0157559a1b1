import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { RobleError } from '../errors.js';
import { problemOf } from './problem.js';

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;

export interface ProblemOptions {
  /** What there is, for who asks for something else. */
  readonly paths: string;
  /** Seconds after which a client that was refused may find room. */
  readonly retryAfterSeconds: () => number;
  /** Told what the answer keeps to itself. */
  readonly warn: (message: string) => void;
}

/** Lets an application answer every error and every unknown path as a problem (RFC 9457). */
export function answerProblems(app: FastifyInstance, options: ProblemOptions): void {
  app.setErrorHandler((error, _, reply) => sendProblem(reply, error, options));
  app.setNotFoundHandler((request, reply) => refuseRoute(app, options.paths, request, reply));
}

export function sendProblem(
  reply: FastifyReply,
  error: unknown,
  { retryAfterSeconds, warn }: ProblemOptions,
): FastifyReply {
  const problem = problemOf(error);
  if (problem.status === 500) warn((error as Error).stack ?? String(error));
  if (problem.status === 429 || problem.status === 503) reply.header('retry-after', retryAfterSeconds());
  // The rest of a body that is too large is not read.
  if (problem.status === 413) reply.header('connection', 'close');
  return reply.code(problem.status).type('application/problem+json').send(problem);
}

/** 405 where another method would do, else 404. */
function refuseRoute(
  app: FastifyInstance,
  paths: string,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  const url = request.url.split('?')[0]!;
  const allowed = METHODS.filter((method) => app.hasRoute({ method, url }));
  const status = allowed.length > 0 ? 405 : 404;
  const error = new RobleError('ROBLE_ROUTE_UNKNOWN', `There is no ${request.method} ${url}.`, {
    received: `${request.method} ${url}`,
    expected: allowed.join(', ') || paths,
  });
  if (allowed.length > 0) reply.header('allow', allowed.join(', '));
  return reply
    .code(status)
    .type('application/problem+json')
    .send({ ...problemOf(error), status });
}
