/** The share of the classes that is called rare. */
const RARE_SHARE = 0.25;

/**
 * The rarest quarter of the classes: with counts in ascending order, every class whose count is at most that of the
 * class in place `ceil(classes / 4)`. Classes that are as rare as that one are all among them, so that no choice
 * between equals is made; of a balanced data set they are all classes.
 *
 * @param perClass samples of each class
 * @returns indices into the classes, in their order
 * @example
 * rareClasses([700, 20, 700, 30, 20, 500, 700, 700]); // [1, 4]
 */
export function rareClasses(perClass: readonly number[]): number[] {
  const ascending = [...perClass].sort((a, b) => a - b);
  const limit = ascending[Math.ceil(perClass.length * RARE_SHARE) - 1]!;
  return perClass.flatMap((count, index) => (count <= limit ? [index] : []));
}
