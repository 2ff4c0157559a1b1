import { setTimeout as sleep } from 'node:timers/promises';
import type { Resource } from '@opentelemetry/resources';
import type { ReadableSpan, SpanExporter, SpanProcessor } from '@opentelemetry/sdk-trace';
import type { ServeOptions } from '../../config/schema.js';
import { RobleError } from '../../base/errors.js';
import { robleVersion } from '../../base/version.js';
import type { AnswerListener } from '../models/answered-image.js';
import { isRoutine, type RequestListener } from '../request/record.js';
import { isSampled, newTrace, type TraceContext } from '../request/trace-context.js';
import { imageSpans, requestSpan } from './spans.js';

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
 * what waits is bounded, and what cannot be sent is lost and told once.
 */
export class Tracing {
  readonly #processor: SpanProcessor;
  readonly #resource: Resource;
  readonly #sampleRatio: number;

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
    { url, sampleRatio }: ServeOptions['tracing'],
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
      this.#send([requestSpan(request, trace, this.#resource)]);
  };

  readonly onImage: AnswerListener = (answered) => {
    const { trace, index } = answered;
    if (trace && isSampled(trace) && index < MOST_IMAGES)
      this.#send(imageSpans(answered, trace, this.#resource));
  };

  #send(spans: readonly ReadableSpan[]): void {
    for (const span of spans) this.#processor.onEnd(span);
  }

  /** Sends what waits, within so long and two seconds; what the collector does not take by then is lost. */
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

/** Tells when a collector is lost and when it is back, without its address, which may hold a password. */
function watched(exporter: SpanExporter, warn: (message: string) => void): SpanExporter {
  let isLost = false;
  return {
    export(spans, told) {
      exporter.export(spans, (result) => {
        const wasLost = isLost;
        isLost = result.error !== undefined;
        if (isLost && !wasLost)
          warn(`Traces cannot be sent (${result.error!.message}); what waits too long is lost.`);
        else if (wasLost && !isLost) warn('Traces are sent again.');
        told(result);
      });
    },
    shutdown: () => exporter.shutdown(),
    forceFlush: async () => exporter.forceFlush?.(),
  };
}
