import { labelError } from '../../data/dataset/write.js';
import { RobleError } from '../../base/errors.js';
import type { Classifier } from './classifier.js';
import type { JudgedSourceOptions } from './subject.js';

/**
 * How the label of a sample is named. Labels are compared by name, so that models and data may have their classes in any
 * order. A number without a list of classes is the name of a class or a place among them; it is not guessed which.
 *
 * @returns a function that throws `ROBLE_LABEL_RANGE` for an index that is none, and `ROBLE_USAGE` for a number of which
 *   nobody says what it means
 */
export function labelNames(
  { classes, labels }: Pick<JudgedSourceOptions, 'classes' | 'labels'>,
  models: readonly Classifier[],
): (source: string, label: string | number) => string {
  const ordered = models.find(({ isOrdered }) => isOrdered)?.classes;
  const named = classes ?? (labels === 'index' ? ordered : undefined);
  const isPlain = models.every((model) => model.classes.every((name, index) => name === String(index)));
  return (source, label) => {
    if (typeof label === 'string') return label;
    if (named) {
      const name = Number.isInteger(label) ? named[label] : undefined;
      if (name === undefined) throw labelError(source, label, named);
      return name;
    }
    // Where the classes are 0, 1, 2 and so on in order, both readings are the same.
    if (labels === 'name' || (isPlain && labels === undefined)) return String(label);
    const place = ordered?.[label] === undefined ? '' : `, where ${label} is "${ordered[label]}"`;
    throw new RobleError('ROBLE_USAGE', 'The labels are numbers, which can be names or places of classes.', {
      received: `${label}, of ${source}`,
      expected: `to be told which: places among the classes of the model${place}, or names, where ${label} is "${label}"`,
      nextSteps: [
        ordered
          ? 'Say --labels index (places), --labels name (names), or list the classes with --classes.'
          : 'List the classes with --classes: the server does not tell their order. Or say --labels name.',
      ],
    });
  };
}
