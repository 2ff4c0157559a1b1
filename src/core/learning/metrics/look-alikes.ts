import { type Problem, RobleError } from '../../base/errors.js';
import { knownName } from '../../base/text/names.js';
import { didYouMean } from '../../base/text/text.js';

/**
 * Checks the groups of classes that look alike (`train.twins`) against the classes that there are.
 *
 * @throws {RobleError} `ROBLE_CONFIG_INVALID` naming every label that is no class, or that is named twice
 */
export function checkLookAlikes(
  lookAlikes: readonly (readonly string[])[],
  classes: readonly string[],
): void {
  const seen = new Set<string>();
  const problems: Problem[] = [];
  for (const [group, labels] of lookAlikes.entries())
    for (const [position, label] of labels.entries()) {
      const path = `train.twins.${group}.${position}`;
      const known = knownName(label, classes);
      if (known === undefined) {
        const [suggestion] = didYouMean(label, classes);
        problems.push({
          path,
          message: `"${label}" is no class of the data set`,
          ...(suggestion !== undefined && { suggestion }),
        });
      } else if (seen.has(known))
        problems.push({ path, message: `"${label}" is in another place of the groups already` });
      seen.add(known ?? label);
    }
  if (problems.length > 0)
    throw new RobleError(
      'ROBLE_CONFIG_INVALID',
      'The groups of look-alike classes do not fit the data set.',
      {
        expected: 'classes of the data set, each in one group at most',
        problems,
      },
    );
}

/** Of each class a number that its look-alikes share with it, and no other class. */
export function groupsOf(lookAlikes: readonly (readonly string[])[], classes: readonly string[]): number[] {
  return classes.map((label, c) => {
    const group = lookAlikes.find((labels) => knownName(label, labels) !== undefined);
    return group ? classes.indexOf(knownName(group[0]!, classes)!) : c;
  });
}
