import { RobleError } from '../core/base/errors.js';

const DATE = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2})?)?$/;
const AGO = /^(\d+)([mhd])$/;
const UNIT_MS = { m: 60_000, h: 3_600_000, d: 86_400_000 };

/**
 * A moment from a flag: a day or a time of ISO 8601, in UTC unless it says otherwise, or so long ago, such as `24h`.
 *
 * @throws {RobleError} `ROBLE_USAGE`
 */
export function parseTime(text: string, flag: string, now = new Date()): Date {
  const [, amount, unit] = AGO.exec(text) ?? [];
  if (unit !== undefined)
    return new Date(now.getTime() - Number(amount) * UNIT_MS[unit as keyof typeof UNIT_MS]);
  const isLocal = /T[\d:.]+$/.test(text);
  const time = new Date(isLocal ? `${text}Z` : text);
  if (DATE.test(text) && !Number.isNaN(time.getTime())) return time;
  throw new RobleError('ROBLE_USAGE', `"${text}" is no time.`, {
    received: `${flag} ${text}`,
    expected: 'such as 2026-03-31, 2026-03-31T18:30 (UTC), 2026-03-31T18:30+02:00, or 7d, 24h or 30m ago',
  });
}
