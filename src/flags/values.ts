import * as Errors from '@oclif/core/errors';
import * as Flags from '@oclif/core/flags';
import { RobleError } from '../core/base/errors.js';

const DATE = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2})?)?$/;
const UNIT_MS = { m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Words such as `90d`, `12h` or `30m` in milliseconds; undefined for any other. */
function durationOf(words: string): number | undefined {
  const [, count, unit] = /^(\d+)([mhd])$/.exec(words) ?? [];
  return unit === undefined ? undefined : Number(count) * UNIT_MS[unit as keyof typeof UNIT_MS];
}

/**
 * A moment from a flag: a day or a time of ISO 8601, in UTC unless it says otherwise, or a time ago, such as `24h`.
 *
 * @throws {RobleError} `ROBLE_USAGE`
 */
export function parseTime(text: string, flag: string, now = new Date()): Date {
  const ago = durationOf(text);
  if (ago !== undefined) return new Date(now.getTime() - ago);
  const isLocal = /T[\d:.]+$/.test(text);
  const time = new Date(isLocal ? `${text}Z` : text);
  if (DATE.test(text) && !Number.isNaN(time.getTime())) return time;
  throw new RobleError('ROBLE_USAGE', `"${text}" is not a time.`, {
    received: `${flag} ${text}`,
    expected: 'such as 2026-03-31, 2026-03-31T18:30 (UTC), 2026-03-31T18:30+02:00, or 7d, 24h or 30m ago',
  });
}

/**
 * What separates columns, from a flag: one character, or `tab`.
 *
 * @throws {RobleError} `ROBLE_USAGE`
 */
export function parseDelimiter(text: string): string {
  const delimiter = text === 'tab' || text === '\\t' ? '\t' : text;
  if (delimiter.length === 1 && !/["\r\n]/.test(delimiter)) return delimiter;
  throw new RobleError('ROBLE_USAGE', 'The delimiter is not a single character.', {
    received: text,
    expected: 'one character such as ";", or tab',
  });
}

/** Five digits and a unit: a date that far ahead still has a year of four digits. */
const LONGEST_EXPIRY = 6;

/**
 * The moment that is as far ahead as words such as `90d`, `12h` or `30m` say.
 *
 * @throws {RobleError} `ROBLE_USAGE`
 */
export function parseExpiry(words: string, now = Date.now()): Date {
  const ahead = durationOf(words) ?? 0;
  if (ahead > 0 && words.length <= LONGEST_EXPIRY) return new Date(now + ahead);
  throw new RobleError('ROBLE_USAGE', `"${words}" is not a length of time.`, {
    received: words,
    expected: 'a number of days, hours or minutes, such as 90d, 12h or 30m',
  });
}

/** A flag whose value is a list of words with commas between them. */
export const listFlag = Flags.custom<string[]>({
  parse: async (text) =>
    text
      .split(',')
      .map((word) => word.trim())
      .filter((word) => word !== ''),
});

/** A flag whose value is a number, such as `0.003` or `1e-6`; oclif has whole numbers only. */
export const numberFlag = Flags.custom<number>({
  async parse(text) {
    const value = Number(text);
    if (text.trim() === '' || Number.isNaN(value))
      throw new Errors.CLIError(`Expected a number but received: ${text}`);
    return value;
  },
});

/** The flags of some names that were given, such as those that name files to write. */
export function givenFlags<Name extends string>(
  flags: { readonly [Key in Name]?: string | undefined },
  names: readonly Name[],
): { readonly [Key in Name]?: string } {
  const given = names.flatMap((name) => (flags[name] === undefined ? [] : [[name, flags[name]] as const]));
  return Object.fromEntries(given) as { readonly [Key in Name]?: string };
}

/** A flag whose value is a list of numbers with commas between them, such as `0.5,0.5,0.5`. */
export const numbersFlag = Flags.custom<number[]>({
  async parse(input) {
    const numbers = input.split(',').map((part) => (part.trim() === '' ? Number.NaN : Number(part)));
    if (numbers.every(Number.isFinite)) return numbers;
    throw new Errors.CLIError(`Expected numbers with commas between them but received: ${input}`);
  },
});
