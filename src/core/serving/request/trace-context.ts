import { randomBytes } from 'node:crypto';

/** Where a request belongs in a distributed trace (W3C Trace Context, 2021). */
export interface TraceContext {
  /** Of the whole trace, 32 hexadecimal digits. */
  readonly traceId: string;
  /** Of the caller's part of it, 16 hexadecimal digits; undefined where the trace begins here. */
  readonly parentId: string | undefined;
  /** Of this server's part of it, 16 hexadecimal digits. */
  readonly spanId: string;
  /** Such as `01`, when the trace is recorded. */
  readonly flags: string;
}

const VERSION = '00';
const TRACEPARENT = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;
const ONLY_ZEROS = /^0+$/;

/** The trace that the header `traceparent` names; undefined where there is none, or not one of version 00. */
export function traceOf(header: string | string[] | undefined): TraceContext | undefined {
  const found = typeof header === 'string' ? TRACEPARENT.exec(header) : null;
  if (!found) return undefined;
  const [, traceId, parentId, flags] = found as unknown as [string, string, string, string];
  if (ONLY_ZEROS.test(traceId) || ONLY_ZEROS.test(parentId)) return undefined;
  return { traceId, parentId, spanId: newSpanId(), flags };
}

/** A trace that begins here. */
export function newTrace(isSampled: boolean): TraceContext {
  const traceId = randomBytes(16).toString('hex');
  return { traceId, parentId: undefined, spanId: newSpanId(), flags: isSampled ? '01' : '00' };
}

export function newSpanId(): string {
  return randomBytes(8).toString('hex');
}

/** Whether whoever began the trace wants it to be recorded. */
export function isSampled({ flags }: TraceContext): boolean {
  return (Number.parseInt(flags, 16) & 1) === 1;
}

/** The header `traceparent` for the answer, and for requests that this server makes on the way to it. */
export function traceparentFrom({ traceId, spanId, flags }: TraceContext): string {
  return `${VERSION}-${traceId}-${spanId}-${flags}`;
}
