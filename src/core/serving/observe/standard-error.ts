import { LineCollector } from './line-collector.js';
import type { LogDestination } from './server-log.js';

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
      // There is nobody left to tell.
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
