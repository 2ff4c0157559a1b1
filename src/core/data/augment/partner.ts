import { hash32, Random } from '../../base/random.js';
import type { CopyKey } from './pipeline.js';

/** Of the choice of a partner, beside the streams of the augmenters, which their names give. */
const STREAM = hash32('partner');

/**
 * The sample that a copy may be blended with: another one of its class, each as likely as any other.
 *
 * @param members the samples of the class, `own` once among them
 * @returns undefined when there is no other
 */
export function partnerOf(members: ArrayLike<number>, own: number, key: CopyKey): number | undefined {
  if (members.length < 2) return undefined;
  const last = members.length - 1;
  const random = new Random(key.seed, 'augment', key.sample, key.copy, STREAM);
  const chosen = members[random.integer(last)]!;
  return chosen === own ? members[last] : chosen;
}

/** The samples of each class, in order. */
export function membersByLabel(labels: ArrayLike<number>, classes: number): number[][] {
  const members = Array.from({ length: classes }, (): number[] => []);
  for (let sample = 0; sample < labels.length; sample++) members[labels[sample]!]!.push(sample);
  return members;
}
