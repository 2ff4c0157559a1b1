import { RobleError } from '../core/base/errors.js';

/**
 * What separates columns, from a flag: one character, or `tab`.
 *
 * @throws {RobleError} `ROBLE_USAGE`
 */
export function parseDelimiter(text: string): string {
  const delimiter = text === 'tab' || text === '\\t' ? '\t' : text;
  if (delimiter.length === 1 && !/["\r\n]/.test(delimiter)) return delimiter;
  throw new RobleError('ROBLE_USAGE', 'The delimiter is no single character.', {
    received: text,
    expected: 'one character such as ";", or tab',
  });
}
