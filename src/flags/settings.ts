import { RobleError } from '../core/base/errors.js';
import { isSettings, nest } from '../core/base/schema/merge.js';
import { readYaml } from '../core/base/schema/yaml-text.js';
import { didYouMean } from '../core/base/text/text.js';
import type { ConditionChoice } from '../core/learning/compare/conditions.js';

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
    throw new RobleError('ROBLE_USAGE', `The value of a setting is not valid YAML: ${message}.`, {
      received: word,
      expected: 'a number, a word, or a list such as [conv1, conv2]',
      nextSteps: details.nextSteps ?? [],
      cause,
    });
  }
}

/**
 * The conditions of a comparison from words such as `plain=data/letters`, with settings such as
 * `plain.train.labelSmoothing=0.1`.
 *
 * @throws {RobleError} `ROBLE_USAGE`
 */
export function parseConditions(words: readonly string[], settings: readonly string[]): ConditionChoice[] {
  const conditions = words.map((word) => {
    const [, name = '', dataset = ''] = /^([^=]+)=(.+)$/.exec(word) ?? [];
    if (name !== '') return { name, dataset };
    throw new RobleError('ROBLE_USAGE', `"${word}" is not a condition.`, {
      received: word,
      expected: 'NAME=DATASET, such as plain=data/letters',
    });
  });
  const names = conditions.map(({ name }) => name);
  const given = Object.entries(parseSettings(settings)).map(([name, own]) => {
    if (names.includes(name) && isSettings(own)) return [name, own] as const;
    throw new RobleError('ROBLE_USAGE', 'A setting belongs to no condition.', {
      received: name,
      expected: `NAME.KEY=VALUE, where NAME is one of ${names.join(', ')}`,
      nextSteps: didYouMean(name, names),
    });
  });
  const byName = new Map(given);
  return conditions.map((condition) => ({ ...condition, settings: byName.get(condition.name) }));
}
