import { RobleError } from '../base/errors.js';
import { knownName } from '../base/text/names.js';
import { didYouMean } from '../base/text/text.js';

/**
 * The class of a model that somebody names.
 *
 * @throws {RobleError} `ROBLE_LABEL_RANGE`
 */
export function knownClass(
  name: string,
  classes: readonly string[],
): { readonly name: string; readonly index: number } {
  const known = knownName(name, classes);
  if (known !== undefined) return { name: known, index: classes.indexOf(known) };
  throw new RobleError('ROBLE_LABEL_RANGE', 'The label is none of the classes of the model.', {
    received: name,
    expected: `one of ${classes.join(' ')}`,
    nextSteps: didYouMean(name, classes),
  });
}
