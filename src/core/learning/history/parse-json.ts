import { RobleError } from '../../base/errors.js';

/**
 * JSON, with `NaN` and `Infinity` read as null: Python's `json.dump` writes them, though no standard has them.
 *
 * @throws {RobleError} `ROBLE_HISTORY_INVALID`
 */
export function parseHistoryJson(text: string, file: string): unknown {
  try {
    return JSON.parse(withoutNonFinite(text));
  } catch (cause) {
    throw new RobleError('ROBLE_HISTORY_INVALID', `${file} is not valid JSON.`, {
      received: (cause as Error).message,
      expected: 'a history as JSON',
      cause,
    });
  }
}

function withoutNonFinite(text: string): string {
  if (!/NaN|Infinity/.test(text)) return text;
  // Strings are matched too, so that the words inside them are left alone.
  return text.replace(/"(?:[^"\\]|\\.)*"|-?(?:NaN|Infinity)\b/g, (token) =>
    token.startsWith('"') ? token : 'null',
  );
}
