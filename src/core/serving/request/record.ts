import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { ErrorCode } from '../../base/errors.js';
import { type TraceContext, traceOf, traceparentFrom } from './trace-context.js';

/** What becomes known of a request while it is answered, for those who count and log requests. */
export interface RequestRecord {
  readonly trace: TraceContext | undefined;
  /** Images that were answered. */
  images: number;
  /** Why images of a batch were not answered. */
  refusedImages: ErrorCode[];
  /** The model that answered. */
  model: ModelLabel | undefined;
  /** Why the request as a whole was not answered. */
  problem: ErrorCode | undefined;
}

declare module 'fastify' {
  interface FastifyRequest {
    record: RequestRecord;
  }
}

/** A request whose answer is sent, or whose client has gone. */
export interface AnsweredRequest extends Readonly<RequestRecord> {
  readonly id: string;
  readonly method: string;
  /** The path as the server knows it; undefined where it knows none. */
  readonly route: string | undefined;
  /** Whether that asks a model. */
  readonly isPrediction: boolean;
  /** 499 when the client left before the answer. */
  readonly status: number;
  readonly totalMs: number;
}

/** Called for every request, after its answer; it must not throw, and must not take time. */
export type RequestListener = (answered: AnsweredRequest) => void;

export interface RequestRecorder {
  readonly listeners: readonly RequestListener[];
  /** The trace of a request that comes without one, but for probes and scrapes; where there is none, it stays without. */
  readonly startTrace?: (() => TraceContext) | undefined;
}

/** Probes and scrapes come every few seconds and say nothing. */
const ROUTINE = /^\/(health\/|metrics$)/;

/** Whether a route, as the server knows it, is one of probes and scrapes. */
export function isRoutine(route = ''): boolean {
  return ROUTINE.test(route);
}

/** Gives each request of an application its record, and calls the listeners when it is answered. */
export function recordRequests(app: FastifyInstance, recorder: RequestRecorder): void {
  app.decorateRequest('record');
  app.addHook('onRequest', (request, reply, done) => {
    recordRequest(request, reply, recorder);
    done();
  });
}

/** As {@link recordRequests}, for a request that the framework refuses before any hook. */
export function recordRequest(
  request: FastifyRequest,
  reply: FastifyReply,
  { listeners, startTrace }: RequestRecorder,
): void {
  const started = performance.now();
  const { url: route, config } = request.routeOptions;
  const isWatched = !isRoutine(route);
  const trace = traceOf(request.headers.traceparent) ?? (isWatched ? startTrace?.() : undefined);
  const record: RequestRecord = { trace, images: 0, refusedImages: [], model: undefined, problem: undefined };
  request.record = record;
  if (trace) reply.header('traceparent', traceparentFrom(trace));
  // Unlike the hook of the framework, this comes for clients that leave, too.
  reply.raw.on('close', () => {
    const isSent = reply.raw.writableFinished;
    const answered: AnsweredRequest = {
      trace,
      images: record.images,
      refusedImages: record.refusedImages,
      model: record.model,
      problem: isSent ? record.problem : 'ROBLE_REQUEST_ABANDONED',
      id: request.id,
      method: request.method,
      route,
      isPrediction: config?.isPrediction === true,
      status: isSent ? reply.raw.statusCode : 499,
      totalMs: performance.now() - started,
    };
    for (const listener of listeners) listener(answered);
  });
}

/** How a model is named in answers. */
export interface ModelLabel {
  readonly name: string;
  readonly version: string;
  readonly digest: string;
}

/** What cannot do harm in a header, a log line or a database. */
export const REQUEST_ID = /^[A-Za-z0-9_.:@/+=-]{1,128}$/;

/** The request's id: that of the client in `x-request-id` where it is a plain one, else a new UUID. */
export function requestIdOf({ headers }: Pick<IncomingMessage, 'headers'>): string {
  const given = headers['x-request-id'];
  return typeof given === 'string' && REQUEST_ID.test(given) ? given : randomUUID();
}
