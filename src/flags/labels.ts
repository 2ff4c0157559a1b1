import { RobleError } from '../core/base/errors.js';

/**
 * Labels of Prometheus from words such as `job=roble`.
 *
 * @throws {RobleError} `ROBLE_USAGE`
 */
export function parseLabels(words: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    words.map((word) => {
      const [, name, value] = /^([a-zA-Z_]\w*)=(.*)$/.exec(word) ?? [];
      if (name !== undefined) return [name, value!];
      throw new RobleError('ROBLE_USAGE', 'A label is not of the expected form.', {
        received: word,
        expected: 'LABEL=VALUE, such as job=roble',
      });
    }),
  );
}
