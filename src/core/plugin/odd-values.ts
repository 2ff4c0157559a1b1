import { inspect } from 'node:util';

/** A value that was thrown, which may be anything, in one line. */
export function describeThrown(thrown: unknown): string {
  const { message, name } = (thrown ?? {}) as { message?: unknown; name?: unknown };
  const text =
    typeof message === 'string' ? message || String(name) : inspect(thrown, { breakLength: Infinity });
  // Node's list of who required what is of no use to those who did not write it.
  return text
    .replace(/\s*[\r\n]+Require stack:[\s\S]*/, '')
    .replace(/\s*[\r\n]\s*/g, ' ')
    .trim();
}

/** Whether somebody would have to wait for a value. */
export const isPromise = (value: unknown): value is PromiseLike<unknown> =>
  typeof (value as { then?: unknown } | null | undefined)?.then === 'function';
