import { nest } from '../core/base/schema/nest.js';
import { readYaml } from '../core/base/schema/yaml-text.js';
import { RobleError } from '../core/base/errors.js';

/**
 * Settings that were given as `key.inner=value`, with the value as YAML.
 *
 * @throws {RobleError} `ROBLE_USAGE`
 */
export function parseSettings(words: readonly string[]): Record<string, unknown> {
  return nest(
    words.map((word) => {
      const at = word.indexOf('=');
      if (at > 0) return [word.slice(0, at), parsedValue(word, word.slice(at + 1))] as const;
      throw new RobleError('ROBLE_USAGE', 'A setting is not of the expected form.', {
        received: word,
        expected: 'KEY=VALUE, such as keepCheckpoints=5',
      });
    }),
  );
}

function parsedValue(word: string, text: string): unknown {
  try {
    return readYaml(text, { name: 'value' }).value;
  } catch (cause) {
    const { message, details } = RobleError.from(cause);
    throw new RobleError('ROBLE_USAGE', `The value of a setting is no valid YAML: ${message}.`, {
      received: word,
      expected: 'a number, a word, or a list such as [conv1, conv2]',
      nextSteps: details.nextSteps ?? [],
      cause,
    });
  }
}
