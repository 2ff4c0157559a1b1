import { setTimeout as sleep } from 'node:timers/promises';
import type { Attributes, HrTime, SpanContext } from '@opentelemetry/api';
import type { Resource } from '@opentelemetry/resources';
import type { ReadableSpan, SpanExporter, SpanProcessor } from '@opentelemetry/sdk-trace';
import { RobleError } from '../../base/errors.js';
import { robleVersion } from '../../base/version.js';
import type { AnsweredImage, AnswerListener } from '../models/answered-image.js';
import { type AnsweredRequest, isRoutine, type ModelLabel, type RequestListener } from '../request/record.js';
import { isSampled, newSpanId, newTrace, type TraceContext } from '../request/trace-context.js';
import type { TracingSettings } from './settings.js';

/** Where OTLP over HTTP takes traces when the address has no path. */
const TRACES_PATH = '/v1/traces';
/** Spans that wait to be sent; what comes on top is dropped. */
const MAX_WAITING = 4096;
const SEND_EVERY_MS = 1000;
const TIMEOUT_MS = 5000;
/** The exporter tries again what a collector did not take, beyond its own time limit. */
const EXPORT_TIMEOUT_MS = 2 * TIMEOUT_MS;
const CLOSE_MS = 2000;
/** Images of a request that have spans of their own. */
const MOST_IMAGES = 8;
/** As `npm install` takes them. */
const PACKAGES = [
  '@opentelemetry/api@1',
  '@opentelemetry/exporter-trace-otlp-http@0.223',
  '@opentelemetry/resources@2',
  '@opentelemetry/sdk-trace@2',
];

/**
 * Sends the spans of requests to a collector, by OpenTelemetry. A collector that is slow or away holds up no request:
 * what waits is bounded, and what cannot be sent is lost, with one warning.
 */
export class Tracing {
  readonly #processor: SpanProcessor;
  readonly #resource: Resource;
  readonly #sampleRatio: number;
  readonly #clock = new WallClock();

  private constructor(processor: SpanProcessor, resource: Resource, sampleRatio: number) {
    this.#processor = processor;
    this.#resource = resource;
    this.#sampleRatio = sampleRatio;
  }

  /**
   * Undefined where no collector is named.
   *
   * @throws {RobleError} `ROBLE_PACKAGE_MISSING`
   */
  static async open(
    { url, sampleRatio }: TracingSettings,
    warn: (message: string) => void,
  ): Promise<Tracing | undefined> {
    if (url === undefined) return undefined;
    const { BatchSpanProcessor, OTLPTraceExporter, resources } = await loadPackages();
    const exporter = new OTLPTraceExporter({ url: tracesUrl(url), timeoutMillis: TIMEOUT_MS });
    const processor = new BatchSpanProcessor({
      exporter: watched(exporter, warn),
      maxQueueSize: MAX_WAITING,
      scheduledDelayMillis: SEND_EVERY_MS,
      exportTimeoutMillis: EXPORT_TIMEOUT_MS,
    });
    const resource = resources
      .resourceFromAttributes({ 'service.name': 'roble', 'service.version': robleVersion() })
      .merge(resources.detectResources({ detectors: [resources.envDetector] }));
    return new Tracing(processor, resource, sampleRatio);
  }

  /** Of a request that comes without a trace. */
  readonly startTrace = (): TraceContext => newTrace(Math.random() < this.#sampleRatio);

  readonly onRequest: RequestListener = (request) => {
    const { trace, route } = request;
    if (trace && isSampled(trace) && !isRoutine(route))
      this.#send([requestSpan(request, trace, this.#resource, this.#clock)]);
  };

  readonly onImage: AnswerListener = (answered) => {
    const { trace, index } = answered;
    if (trace && isSampled(trace) && index < MOST_IMAGES)
      this.#send(imageSpans(answered, trace, this.#resource, this.#clock));
  };

  #send(spans: readonly ReadableSpan[]): void {
    for (const span of spans) this.#processor.onEnd(span);
  }

  /** Sends what waits, for up to `timeoutMs` and two seconds; what the collector does not take by then is lost. */
  async close(timeoutMs: number): Promise<void> {
    const end = sleep(Math.min(timeoutMs, CLOSE_MS), undefined, { ref: false });
    await Promise.race([this.#processor.shutdown().catch(() => {}), end]);
  }
}

async function loadPackages() {
  try {
    const [{ OTLPTraceExporter }, { BatchSpanProcessor }, resources] = await Promise.all([
      import('@opentelemetry/exporter-trace-otlp-http'),
      import('@opentelemetry/sdk-trace'),
      import('@opentelemetry/resources'),
    ]);
    return { OTLPTraceExporter, BatchSpanProcessor, resources };
  } catch (cause) {
    throw new RobleError('ROBLE_PACKAGE_MISSING', 'To send traces, packages of OpenTelemetry are needed.', {
      received: (cause as Error).message,
      expected: `${PACKAGES.join(', ')}, beside roble`,
      nextSteps: [`npm install ${PACKAGES.join(' ')}`, 'Or leave serve.tracing.url out: no traces are sent.'],
      cause,
    });
  }
}

function tracesUrl(url: string): string {
  const { pathname } = new URL(url);
  return pathname === '/' ? new URL(TRACES_PATH, url).href : url;
}

/** Warns when a collector is lost and when it is back, without its address, which may hold a password. */
function watched(exporter: SpanExporter, warn: (message: string) => void): SpanExporter {
  let isLost = false;
  return {
    export(spans, done) {
      exporter.export(spans, (result) => {
        const wasLost = isLost;
        isLost = result.error !== undefined;
        if (isLost && !wasLost)
          warn(`Traces cannot be sent (${result.error!.message}); what waits too long is lost.`);
        else if (wasLost && !isLost) warn('Traces are sent again.');
        done(result);
      });
    },
    shutdown: () => exporter.shutdown(),
    forceFlush: async () => exporter.forceFlush?.(),
  };
}

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
function requestSpan(
  { id, method, route, status, totalMs, images, model, problem }: AnsweredRequest,
  trace: TraceContext,
  resource: Resource,
  clock: WallClock,
): ReadableSpan {
  const endMs = clock.timeOf(performance.now());
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
function imageSpans(
  { index, ended, model, source, timings }: AnsweredImage,
  trace: TraceContext,
  resource: Resource,
  clock: WallClock,
): ReadableSpan[] {
  const endMs = clock.timeOf(ended);
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

const MAX_DRIFT_MS = 10;

/** Times of `performance.now()` as milliseconds since 1970: spans of a request keep their order, to the microsecond. */
class WallClock {
  /** What is added to `performance.now()`, a clock that nobody sets. It changes when the system's clock is set. */
  #offsetMs = performance.timeOrigin;

  timeOf(time: number): number {
    const now = Date.now() - performance.now();
    if (Math.abs(now - this.#offsetMs) > MAX_DRIFT_MS) this.#offsetMs = now;
    return this.#offsetMs + time;
  }
}

/** Seconds, and nanoseconds of the next one. */
function hrTime(milliseconds: number): HrTime {
  const seconds = Math.floor(milliseconds / 1000);
  return [seconds, Math.min(999_999_999, Math.round((milliseconds - 1000 * seconds) * 1e6))];
}
