import { once } from 'node:events';
import type { LogDestination } from './server-log.js';

/** Lines that wait for the reader of standard error, in bytes; what comes on top is dropped and counted. */
const MAX_WAITING_BYTES = 8 * 1024 * 1024;
/** How long the end of the program waits for that reader. */
const CLOSE_MS = 1000;

/** Standard error as the destination of a log: a reader that is slow or stands still holds nothing up. */
export async function logToStandardError(): Promise<LogDestination & { close(): Promise<void> }> {
  const { pino } = await import('pino');
  const stream = pino.destination({ dest: process.stderr.fd, sync: false, maxLength: MAX_WAITING_BYTES });
  let dropped = 0;
  stream.on('drop', () => dropped++);
  return {
    write: (line) => stream.write(line),
    get dropped() {
      return dropped;
    },
    async close() {
      const closed = once(stream, 'close', { signal: AbortSignal.timeout(CLOSE_MS) });
      stream.end();
      await closed.catch(() => stream.destroy());
    },
  };
}
