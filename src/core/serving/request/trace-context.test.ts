import { describe, expect, it } from 'vitest';
import { traceOf, traceparentFrom } from './trace-context.js';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const PARENT = '00f067aa0ba902b7';

describe('traceOf', () => {
  it('goes on with the trace of the caller, each time as another part of it', () => {
    const [one, two] = [1, 2].map(() => traceOf(`00-${TRACE}-${PARENT}-01`)!);
    expect(one).toMatchObject({ traceId: TRACE, parentId: PARENT, flags: '01' });
    expect(one!.spanId).not.toBe(two!.spanId);
    expect(traceOf(traceparentFrom(one!))).toMatchObject({
      traceId: TRACE,
      parentId: one!.spanId,
      flags: '01',
    });
  });

  it.each([
    undefined,
    '',
    `00-${TRACE}-${PARENT}`,
    `01-${TRACE}-${PARENT}-01`,
    `ff-${TRACE}-${PARENT}-01`,
    `00-${TRACE.toUpperCase()}-${PARENT}-01`,
    `00-${'0'.repeat(32)}-${PARENT}-01`,
    `00-${TRACE}-${'0'.repeat(16)}-01`,
    `00-${TRACE}-${PARENT}-01-extra`,
    `00-${TRACE}-${PARENT}-01, 00-${TRACE}-${PARENT}-01`,
    `00-${TRACE}-${PARENT}-zz`,
    `00-${TRACE}-${PARENT}-01\n`,
  ])('knows no trace in %j', (header) => {
    expect(traceOf(header)).toBeUndefined();
  });
});
