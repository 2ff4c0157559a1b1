import { describe, expect, it } from 'vitest';
import { parseExpiry } from './values.js';

describe('parseExpiry', () => {
  it.each([
    ['30m', 30 * 60_000],
    ['12h', 12 * 3_600_000],
    ['90d', 90 * 86_400_000],
  ])('%s lies so far ahead', (words, ms) => {
    expect(parseExpiry(words, 1000).getTime()).toBe(1000 + ms);
  });

  it.each(['soon', '', '0d', '-1d', '90', '1.5d', '90 d', '100000d'])(
    '"%s" is no length of time',
    (words) => {
      expect(() => parseExpiry(words)).toThrow(
        expect.objectContaining({
          code: 'ROBLE_USAGE',
          exitCode: 2,
          details: expect.objectContaining({ expected: expect.stringContaining('90d') }),
        }),
      );
    },
  );
});
