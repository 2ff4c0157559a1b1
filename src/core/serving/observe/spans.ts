import type { Attributes, HrTime, SpanContext } from '@opentelemetry/api';
import type { Resource } from '@opentelemetry/resources';
import type { ReadableSpan } from '@opentelemetry/sdk-trace';
import type { AnsweredImage } from '../models/answered-image.js';
import type { ModelLabel } from '../models/served-model.js';
import type { AnsweredRequest } from '../request/record.js';
import { newSpanId, type TraceContext } from '../request/trace-context.js';

/** As `SpanKind` and `SpanStatusCode` of @opentelemetry/api number them, which is loaded only where traces are sent. */
const [INTERNAL, SERVER] = [0, 1];
const [UNSET, ERROR] = [0, 2];
const SAMPLED = 1;

/** A part of a trace, with its times in milliseconds since 1970. */
interface Part {
  readonly name: string;
  readonly kind: number;
  readonly context: SpanContext;
  readonly parent: SpanContext | undefined;
  readonly startMs: number;
  readonly endMs: number;
  readonly attributes: Attributes;
  readonly isError?: boolean;
}

/** The span of a request, by the semantic conventions for HTTP servers. */
export function requestSpan(
  { id, method, route, status, totalMs, images, model, problem }: AnsweredRequest,
  trace: TraceContext,
  resource: Resource,
): ReadableSpan {
  const endMs = wallMs(performance.now());
  return spanOf(
    {
      name: route === undefined ? method : `${method} ${route}`,
      kind: SERVER,
      context: contextOf(trace, trace.spanId),
      parent:
        trace.parentId === undefined ? undefined : { ...contextOf(trace, trace.parentId), isRemote: true },
      startMs: endMs - totalMs,
      endMs,
      attributes: {
        'http.request.method': method,
        'http.response.status_code': status,
        'roble.request_id': id,
        'roble.images': images,
        ...(route !== undefined && { 'http.route': route }),
        ...(problem && { 'error.type': problem }),
        ...(model && modelAttributes(model)),
      },
      isError: status >= 500,
    },
    resource,
  );
}

/** The stages of an image: decode; of one that the model computed also queue and infer. */
export function imageSpans(
  { index, ended, model, source, timings }: AnsweredImage,
  trace: TraceContext,
  resource: Resource,
): ReadableSpan[] {
  const endMs = wallMs(ended);
  const { decodeMs, queueMs, inferenceMs, totalMs } = timings;
  const startMs = endMs - totalMs;
  const stage = (name: string, startMs: number, endMs: number) =>
    spanOf(
      {
        name,
        kind: INTERNAL,
        context: contextOf(trace, newSpanId()),
        parent: contextOf(trace, trace.spanId),
        startMs,
        endMs,
        attributes: { 'roble.image.index': index, 'roble.source': source, ...modelAttributes(model.label) },
      },
      resource,
    );
  const decode = stage('decode', startMs, startMs + decodeMs);
  if (source !== 'model') return [decode];
  const startedMs = endMs - inferenceMs;
  return [decode, stage('queue', startedMs - queueMs, startedMs), stage('infer', startedMs, endMs)];
}

function contextOf({ traceId }: TraceContext, spanId: string): SpanContext {
  return { traceId, spanId, traceFlags: SAMPLED };
}

function modelAttributes({ name, version, digest }: ModelLabel): Attributes {
  return { 'roble.model.name': name, 'roble.model.version': version, 'roble.model.digest': digest };
}

function spanOf(part: Part, resource: Resource): ReadableSpan {
  const { name, kind, context, parent, startMs, endMs, attributes, isError } = part;
  return {
    name,
    kind,
    spanContext: () => context,
    ...(parent && { parentSpanContext: parent }),
    startTime: hrTime(startMs),
    endTime: hrTime(endMs),
    duration: hrTime(endMs - startMs),
    status: { code: isError ? ERROR : UNSET },
    attributes,
    links: [],
    events: [],
    ended: true,
    resource,
    instrumentationScope: { name: 'roble' },
    droppedAttributesCount: 0,
    droppedEventsCount: 0,
    droppedLinksCount: 0,
  };
}

/** What is added to the clock of `performance.now()`, which nobody sets, to get milliseconds since 1970. */
let offsetMs = performance.timeOrigin;
const MOST_DRIFT_MS = 10;

/** A time of `performance.now()` as milliseconds since 1970: spans of a request keep their order, to the microsecond. */
function wallMs(time: number): number {
  const now = Date.now() - performance.now();
  if (Math.abs(now - offsetMs) > MOST_DRIFT_MS) offsetMs = now;
  return offsetMs + time;
}

/** Seconds, and nanoseconds of the next one. */
function hrTime(milliseconds: number): HrTime {
  const seconds = Math.floor(milliseconds / 1000);
  return [seconds, Math.min(999_999_999, Math.round((milliseconds - 1000 * seconds) * 1e6))];
}
