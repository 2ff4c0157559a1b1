import type { ConditionChoice } from '../core/learning/compare/conditions.js';
import { isSettings } from '../core/base/schema/merge.js';
import { RobleError } from '../core/base/errors.js';
import { didYouMean } from '../core/base/text.js';
import { parseSettings } from './settings.js';

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
    throw new RobleError('ROBLE_USAGE', `"${word}" is no condition.`, {
      received: word,
      expected: 'NAME=DATASET, such as plain=data/letters',
    });
  });
  const names = conditions.map(({ name }) => name);
  const given = Object.entries(parseSettings(settings)).map(([name, own]) => {
    if (names.includes(name) && isSettings(own)) return [name, own] as const;
    throw new RobleError('ROBLE_USAGE', 'A setting is of no condition.', {
      received: name,
      expected: `NAME.KEY=VALUE, where NAME is one of ${names.join(', ')}`,
      nextSteps: didYouMean(name, names),
    });
  });
  const byName = new Map(given);
  return conditions.map((condition) => ({ ...condition, settings: byName.get(condition.name) }));
}
