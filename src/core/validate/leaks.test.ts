import { expect, it } from 'vitest';
import { type SubjectSample, subjectOf } from '../../../test/support/subject.js';
import { sha256 } from '../storage/durable.js';
import { findLeaks } from './leaks.js';
import { findRepeats } from './repeats.js';

const CLASSES = ['a', 'b'];
/** A picture of a pattern that no other number has. */
const picture = (number: number) =>
  Uint8Array.from({ length: 64 }, (_, i) => ((i * (2 * number + 3)) % 7) * 36);
const sample = (number: number, more: Partial<SubjectSample> = {}): SubjectSample => ({
  label: number % 2,
  pixels: picture(number),
  source: `${number}`,
  ...more,
});

function leaksIn(train: readonly SubjectSample[], validation: readonly SubjectSample[]) {
  const subject = subjectOf(CLASSES, { width: 8, height: 8 }, { train, validation });
  return findLeaks(subject, findRepeats(subject));
}

it('finds nothing between splits that share nothing', () => {
  const validation = [sample(1, { group: 'b' }), sample(2, { group: 'b' })];
  expect(leaksIn([sample(0, { group: 'a' }), sample(3)], validation)).toEqual([]);
});

it('finds a writer who is in two splits', () => {
  const train = [sample(0, { group: 'ada' }), sample(1, { group: 'ben' })];
  const found = leaksIn(train, [sample(2, { group: 'ada' }), sample(3)]);
  expect(found).toHaveLength(1);
  expect(found[0]).toMatchObject({ check: 'leaks', severity: 'error' });
  expect(found[0]!.message + JSON.stringify(found[0]!.samples)).toContain('ada');
});

it('finds a copy whose original is tested on', () => {
  const copy = { of: sha256(picture(2)), number: 1, operations: [] };
  const found = leaksIn([sample(0), sample(1, { copy })], [sample(2), sample(3)]);
  expect(found.map(({ severity }) => severity)).toEqual(['error']);
  expect(found[0]!.samples.map(({ source }) => source)).toContain('1');
});
