import type { FastifyRequest, onRequestHookHandler } from 'fastify';
import { urgencyOf } from '../request/request-urgency.js';
import type { ServingScope } from '../classify/serving-scope.js';
import type { Urgency } from '../request/urgency.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** Of a request for a prediction, which may take its time from when its headers came. */
    urgency: Urgency;
  }
}

/**
 * The hook of the routes that ask a model: says how urgent a request is, and refuses it while there is no room. A body
 * that is refused is not read: who refuses two of three requests has not the time to.
 */
export function admitRequests({ admission, options }: ServingScope): onRequestHookHandler {
  return (request, reply, done) => {
    request.urgency = urgencyOf(request, reply, options.requestTimeoutMs);
    admission.check(modelOf(request), request.urgency.priority);
    done();
  };
}

/** The model that a path or a query names. */
function modelOf({ params, query }: FastifyRequest): string | undefined {
  const { name } = params as { name?: string };
  const { model } = query as { model?: unknown };
  return name ?? (typeof model === 'string' ? model : undefined);
}
