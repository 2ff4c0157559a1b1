import type { FastifyInstance, FastifyReply, FastifyRequest, FastifyServerOptions } from 'fastify';
import { RobleError } from '../../base/errors.js';
import { isBeforeItsBody } from '../request/connection.js';
import { answerProblems, type ProblemOptions, sendProblem } from '../request/problem.js';
import { ContentDecoder } from '../request/read-body.js';
import { type RequestRecorder, recordRequest, recordRequests, requestIdOf } from '../request/record.js';

export interface HttpAppOptions {
  readonly server: Pick<FastifyServerOptions, 'serverFactory' | 'clientErrorHandler'>;
  readonly maxBodyBytes: number;
  /** The key that sets it, if one does. */
  readonly bodyLimitKey?: string | undefined;
  readonly recorder: RequestRecorder;
  readonly problems: ProblemOptions;
  /** Adds what decides which requests are answered; before it nothing is. */
  readonly guard: (app: FastifyInstance) => Promise<void> | void;
  readonly isStopping: () => boolean;
}

/** More than the headers of a request may be long. */
const MAX_PATH_LENGTH = 2 ** 20;

/** What the applications of predictions and of administration have in common. It has no routes yet. */
export async function createHttpApp(options: HttpAppOptions): Promise<FastifyInstance> {
  const { server, maxBodyBytes, recorder, problems, guard, isStopping } = options;
  const { default: fastify } = await import('fastify');
  const addHeaders = (request: FastifyRequest, reply: FastifyReply) => {
    reply.header('x-request-id', request.id);
    // A client that keeps its connection would hold the stop up.
    if (isStopping() || isBeforeItsBody(request.raw, maxBodyBytes)) reply.header('connection', 'close');
  };
  const app = fastify({
    ...server,
    bodyLimit: maxBodyBytes,
    // Names of any length get to the routes, which say that they are unknown.
    routerOptions: { maxParamLength: MAX_PATH_LENGTH },
    genReqId: requestIdOf,
    // While it stops, the server still answers what reaches it.
    return503OnClosing: false,
    // Errors that come before the routes and their hooks, such as a path that cannot be decoded.
    frameworkErrors: (error, request, reply) => {
      recordRequest(request, reply, recorder);
      addHeaders(request, reply);
      sendProblem(reply, error, problems);
    },
  });
  app.decorate('contentDecoder', new ContentDecoder());
  app.decorate('bodyLimitKey', options.bodyLimitKey);
  recordRequests(app, recorder);
  await guard(app);
  app.addHook('onRequest', answerBeforeBody);
  app.addHook('onSend', (request, reply, _, done) => {
    addHeaders(request, reply);
    done();
  });
  answerProblems(app, problems);
  return app;
}

/** What no route answers needs no body: the framework would read it first, and refuse what it cannot read. */
function answerBeforeBody(request: FastifyRequest, reply: FastifyReply, done: (error?: Error) => void): void {
  if (request.url === '*' && request.method !== 'OPTIONS')
    done(
      new RobleError('ROBLE_REQUEST_INVALID', 'Only OPTIONS asks for the server as a whole.', {
        received: `${request.method} *`,
        expected: 'a path',
      }),
    );
  else if (request.is404) void request.routeOptions.handler.call(request.server, request, reply);
  else done();
}
