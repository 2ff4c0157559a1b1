import type { Logger } from 'pino';
import type { ServeOptions } from '../../config/schema.js';
import type { HideInText } from '../../base/schema/secrets.js';
import { isRoutine, type RequestListener } from '../request/record.js';
import { shortDigest } from './short-digest.js';
import { logText } from './log-text.js';

/** Where the lines of a log go, such as `process.stderr`. */
export interface LogDestination {
  write(line: string): unknown;
  /** Lines that could not be written in time. */
  readonly dropped?: number;
}

/** The log of a server: one line for each request and each event, without bodies, addresses, keys or queries. */
export class ServerLog {
  readonly #logger: Logger;

  private constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** @param hide hides secrets in a line */
  static async open(
    { level, format }: ServeOptions['log'],
    destination: LogDestination,
    hide: HideInText,
  ): Promise<ServerLog> {
    const { pino } = await import('pino');
    const options = {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label: string) => ({ level: label }) },
    };
    const write = (line: string) =>
      destination.write(hide(format === 'text' ? logText(JSON.parse(line)) : line));
    return new ServerLog(pino(options, { write }));
  }

  readonly info = (message: string): void => this.#logger.info(message);

  readonly warn = (message: string): void => this.#logger.warn(message);

  readonly onRequest: RequestListener = (request) => {
    const { id, method, route, status, totalMs, images, refusedImages, model, problem, trace } = request;
    const level = status >= 500 ? 'warn' : isRoutine(route) ? 'debug' : 'info';
    this.#logger[level]({
      requestId: id,
      method,
      route: route ?? null,
      status,
      ms: Math.round(totalMs * 100) / 100,
      ...(problem && { code: problem }),
      ...(images > 0 && { images }),
      ...(refusedImages.length > 0 && { refusedImages: refusedImages.length }),
      ...(model && { model: model.name, version: model.version, digest: shortDigest(model.digest) }),
      ...(trace && { traceId: trace.traceId, spanId: trace.spanId }),
    });
  };
}
