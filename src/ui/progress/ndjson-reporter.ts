import type { ClosableReporter, OutputStream } from './closable-reporter.js';

/** Each event as one line of JSON, with the time at which it was reported, for programs that follow the work. */
export function createNdjsonReporter(
  stream: OutputStream,
  now: () => Date = () => new Date(),
): ClosableReporter {
  let open = true;
  return {
    report(event) {
      if (open) stream.write(`${JSON.stringify({ time: now().toISOString(), ...event })}\n`);
    },
    async close() {
      open = false;
    },
  };
}
