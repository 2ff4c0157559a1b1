/**
 * Weights by class that let every class count as much as any other, however many samples it has:
 * `count / (classes present * samples of the class)`, so that their mean over the samples is 1. A class without
 * samples gets 0.
 *
 * @param labels indices into the classes, one a sample
 */
export function balancedClassWeights(labels: Iterable<number>, classes: number): number[] {
  const sizes = new Array<number>(classes).fill(0);
  let count = 0;
  for (const label of labels) {
    sizes[label]!++;
    count++;
  }
  const present = sizes.filter((size) => size > 0).length;
  return sizes.map((size) => (size > 0 ? count / (present * size) : 0));
}
