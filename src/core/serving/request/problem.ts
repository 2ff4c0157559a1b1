import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { ERRORS, type ErrorCode, type Problem, RobleError } from '../../base/errors.js';
import { CODINGS } from './read-body.js';

/** An error answer in the form of RFC 9457. */
export interface ProblemDetails {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: ErrorCode;
  readonly received?: unknown;
  readonly expected?: string;
  /** Where the request has several faults, each of them. */
  readonly problems?: readonly Problem[];
}

/** What a request for predictions may hold. */
export const ACCEPTED_BODIES =
  'an image (image/* or application/octet-stream), multipart/form-data with files, or application/json';

const STATUS: Partial<Record<ErrorCode, number>> = {
  ROBLE_REQUEST_INVALID: 400,
  ROBLE_REQUEST_TOO_LARGE: 413,
  ROBLE_REQUEST_UNSUPPORTED: 415,
  ROBLE_CODING_UNSUPPORTED: 415,
  ROBLE_KEY_REFUSED: 401,
  ROBLE_SCOPE_MISSING: 403,
  ROBLE_ORIGIN_REFUSED: 403,
  ROBLE_ROUTE_UNKNOWN: 404,
  ROBLE_METHOD_UNKNOWN: 501,
  ROBLE_MODEL_UNKNOWN: 404,
  ROBLE_REQUEST_SLOW: 408,
  ROBLE_IMAGE_EMPTY: 400,
  ROBLE_IMAGE_SHAPE: 400,
  ROBLE_STROKES_INVALID: 422,
  ROBLE_IMAGE_TRUNCATED: 422,
  ROBLE_IMAGE_UNREADABLE: 422,
  ROBLE_IMAGE_UNSUPPORTED: 422,
  ROBLE_IMAGE_TOO_SMALL: 422,
  ROBLE_IMAGE_ANIMATED: 422,
  ROBLE_IMAGE_VALUES: 422,
  ROBLE_IMAGE_TOO_LARGE: 413,
  // Of feedback.
  ROBLE_LABEL_RANGE: 422,
  ROBLE_EXPLAIN_OFF: 501,
  ROBLE_PREDICTION_UNKNOWN: 404,
  ROBLE_PREDICTIONS_OFF: 501,
  ROBLE_PREDICTIONS_UNAVAILABLE: 503,
  // Of a request to serve another model.
  ROBLE_CONFIG_INVALID: 422,
  ROBLE_BUNDLE_INVALID: 422,
  ROBLE_FILE_NOT_FOUND: 422,
  ROBLE_RATE_LIMITED: 429,
  ROBLE_SERVER_BUSY: 429,
  // Of a backend that forwards to another server.
  ROBLE_SERVER_UNREACHABLE: 502,
  ROBLE_SERVER_NOT_READY: 503,
  ROBLE_DEADLINE_EXCEEDED: 504,
  // Nobody reads this answer; the number is the one that nginx counts it under.
  ROBLE_REQUEST_ABANDONED: 499,
};

/** Longer texts are cut: an answer repeats what was received, and that may be long. */
const MAX_TEXT = 500;

/** What is said instead of faults inside. */
const HIDDEN: Readonly<Record<number, string>> = {
  500: 'The server failed to answer; its log says why.',
  502: 'The server that this one forwards to gave no answer that can be used; its log says why.',
};

/** The answer for an error; one that the client did not cause reveals nothing of the inside. */
export function problemOf(thrown: unknown): ProblemDetails {
  const error = fromFramework(thrown) ?? RobleError.from(thrown);
  const status = STATUS[error.code] ?? 500;
  const isShown = HIDDEN[status] === undefined;
  const { received, expected, problems } = error.details;
  return {
    type: `urn:roble:error:${error.code}`,
    title: ERRORS[error.code].meaning,
    status,
    detail: HIDDEN[status] ?? shortened(error.message),
    code: error.code,
    ...(isShown && received !== undefined && { received: shortened(received) }),
    ...(isShown && expected !== undefined && { expected }),
    ...(isShown && problems !== undefined && { problems }),
  };
}

function shortened<T>(value: T): T | string {
  return typeof value === 'string' && value.length > MAX_TEXT ? `${value.slice(0, MAX_TEXT)}...` : value;
}

const FRAMEWORK_CODES: Readonly<Record<number, ErrorCode>> = {
  404: 'ROBLE_ROUTE_UNKNOWN',
  413: 'ROBLE_REQUEST_TOO_LARGE',
  415: 'ROBLE_REQUEST_UNSUPPORTED',
};

/** The web framework's own errors, which come before any of our code runs. */
function fromFramework(thrown: unknown): RobleError | undefined {
  const { statusCode, message } = (thrown ?? {}) as { statusCode?: number; message?: string };
  if (thrown instanceof RobleError || statusCode === undefined || statusCode >= 500) return undefined;
  const code = FRAMEWORK_CODES[statusCode] ?? 'ROBLE_REQUEST_INVALID';
  return new RobleError(code, message || 'The request cannot be read.', {
    ...(statusCode === 415 && { expected: 'a content type such as application/json' }),
  });
}

/** What routes answer to. */
const ROUTED = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;

interface Route {
  readonly method: string;
  readonly url: string;
}

export interface ProblemOptions {
  /** Seconds after which a client that was refused may find room. */
  readonly retryAfterSeconds: () => number;
  /** Called with what the answer does not reveal. */
  readonly warn: (message: string) => void;
  /** The form of an error in another protocol; undefined where the path is of none. */
  readonly toBody?: (problem: ProblemDetails, path: string) => object | undefined;
}

export function pathOf({ url }: FastifyRequest): string {
  const query = url.indexOf('?');
  return query < 0 ? url : url.slice(0, query);
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
 * What no route answers: 404 for a path that does not exist, 405 for a method that the path does not have; the answer to
 * `OPTIONS` lists those it has. Methods that HTTP does not have never get here.
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
