import { RobleError } from '../core/base/errors.js';

/**
 * Headers from words such as `authorization: Bearer secret`. What is wrong is not repeated: it may be a secret.
 *
 * @throws {RobleError} `ROBLE_USAGE`
 */
export function parseHeaders(words: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    words.map((word) => {
      const [, name, value] = /^([\w!#$%&'*+.^`|~-]+):\s*(.*?)\s*$/.exec(word) ?? [];
      if (name !== undefined) return [name.toLowerCase(), value!];
      throw new RobleError('ROBLE_USAGE', 'A header is not of the expected form.', {
        expected: 'NAME:VALUE, such as "authorization: Bearer ..."',
      });
    }),
  );
}

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
