import type { Logger } from 'pino';
import type { HideInText } from '../../base/schema/secrets.js';
import { isRoutine, type RequestListener } from '../request/record.js';
import type { LogSettings } from './settings.js';

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
    { level, format }: LogSettings,
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
    // What is undefined is left out of the line.
    this.#logger[level]({
      requestId: id,
      method,
      route: route ?? null,
      status,
      ms: Math.round(totalMs * 100) / 100,
      code: problem,
      images: images || undefined,
      refusedImages: refusedImages.length || undefined,
      model: model?.name,
      version: model?.version,
      digest: model && shortDigest(model.digest),
      traceId: trace?.traceId,
      spanId: trace?.spanId,
    });
  };
}

/** Enough of a SHA-256 to know a model by, in logs and labels. */
export function shortDigest(digest: string): string {
  return digest.slice(0, 12);
}

/** One line of the log, as data. */
export interface LogEntry {
  readonly level: string;
  readonly time: string;
  readonly msg?: string;
  readonly [key: string]: unknown;
}

/** A line of the log for people, such as `12:00:01.123 INFO POST /predict 200 in 3.2 ms images=1 ...`. */
function logText({ level, time, msg, ...fields }: LogEntry): string {
  const { method, route, status, ms, ...others } = fields;
  const request = status === undefined ? [] : [`${method} ${route ?? '?'} ${status} in ${ms} ms`];
  const details = Object.entries(others).map(([name, value]) => `${name}=${value}`);
  const text = [...(msg === undefined ? [] : [msg]), ...request, ...details].join(' ');
  return `${time.slice(11, 23)} ${level.toUpperCase().padEnd(5)} ${text}\n`;
}

/** How long lines collect after others were written. */
const COLLECT_MS = 20;
/** When this many characters wait, they are written at once. */
const MOST_CHARACTERS = 16_384;

/**
 * Writes lines that come one after another together: a write costs a busy server more than all else of a line. A line
 * after a pause is written at once.
 */
export class LineCollector {
  readonly #write: (lines: string) => void;
  #lines = '';
  #timer: NodeJS.Timeout | undefined;

  constructor(write: (lines: string) => void) {
    this.#write = write;
  }

  /** @param line with its line break */
  add(line: string): void {
    this.#lines += line;
    if (this.#timer && this.#lines.length < MOST_CHARACTERS) return;
    this.flush();
    if (!this.#timer) this.#collect();
  }

  /** Writes what waits. */
  flush(): void {
    const lines = this.#lines;
    this.#lines = '';
    if (lines !== '') this.#write(lines);
  }

  #collect(): void {
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (this.#lines === '') return;
      this.flush();
      this.#collect();
    }, COLLECT_MS).unref();
  }
}

/** Lines that wait for the reader of standard error, in bytes; what comes on top is dropped and counted. */
const MAX_WAITING_BYTES = 8 * 1024 * 1024;
/** How long the end of the program waits for that reader. */
const CLOSE_MS = 1000;

export interface StandardErrorLog extends LogDestination {
  /** Why a line could not be written, once that happened. */
  readonly error: NodeJS.ErrnoException | undefined;
  close(): Promise<void>;
}

/** Standard error as the destination of a log: a reader that is slow, stands still or leaves holds nothing up. */
export async function logToStandardError(): Promise<StandardErrorLog> {
  const { pino } = await import('pino');
  let dropped = 0;
  let isClosed = false;
  let isGivenUp = false;
  let problem: NodeJS.ErrnoException | undefined;
  const stream = pino.destination({
    // Asking for it makes writes to a pipe return instead of waiting for its reader.
    dest: process.stderr.fd,
    sync: false,
    maxLength: MAX_WAITING_BYTES,
    retryEAGAIN: () => !isGivenUp,
  });
  stream.on('drop', (lines: string) => {
    dropped += lines.split('\n').length - 1;
  });
  stream.on('error', (error: NodeJS.ErrnoException) => {
    problem ??= error;
    dropped++;
  });
  const collector = new LineCollector((lines) => stream.write(lines));
  /** An end without `close`, as of a second Ctrl-C: what the reader takes at once is still written. */
  const flushAtExit = () => {
    isGivenUp = true;
    try {
      collector.flush();
      stream.flushSync();
    } catch {
      // Nobody is left who could read it.
    }
  };
  process.once('exit', flushAtExit);
  return {
    write(line) {
      if (!isClosed) collector.add(line);
    },
    get dropped() {
      return dropped;
    },
    get error() {
      return problem;
    },
    async close() {
      isClosed = true;
      collector.flush();
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, CLOSE_MS);
        // What could not be written before is tried once more, and not again.
        for (const end of ['close', 'error'])
          stream.once(end, () => {
            clearTimeout(timer);
            resolve();
          });
        stream.end();
      });
      isGivenUp = true;
      stream.destroy();
      process.off('exit', flushAtExit);
    },
  };
}
