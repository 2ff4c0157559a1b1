import { RobleError } from '../core/base/errors.js';

const UNIT_MS = { m: 60_000, h: 3_600_000, d: 86_400_000 };

/**
 * The moment that lies so far ahead as words such as `90d`, `12h` or `30m` say.
 *
 * @throws {RobleError} `ROBLE_USAGE`
 */
export function parseExpiry(words: string, now = Date.now()): Date {
  const [, count, unit] = /^(\d{1,5})([mhd])$/.exec(words) ?? [];
  if (Number(count) > 0) return new Date(now + Number(count) * UNIT_MS[unit as keyof typeof UNIT_MS]);
  throw new RobleError('ROBLE_USAGE', `"${words}" is no length of time.`, {
    received: words,
    expected: 'a number of days, hours or minutes, such as 90d, 12h or 30m',
  });
}
