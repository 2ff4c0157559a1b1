import { expect, it } from 'vitest';
import { packed } from '../../../../test/support/pictures.js';
import { preprocessingSchema } from '../../image/settings.js';
import { manifestOf } from '../dataset/parts.js';
import { findLeaks } from './leaks.js';
import type { Subject, SubjectSplit } from './subject.js';

const preprocessing = preprocessingSchema.parse({ width: 2, height: 2 });

/** A split of blank pictures; the writer of data sets refuses shared groups, so that they cannot be had from a file. */
function splitOf(split: SubjectSplit['split'], groups: readonly (string | undefined)[]): SubjectSplit {
  const count = groups.length;
  return {
    split,
    count,
    pictures: packed(new Uint8Array(4 * count), 4),
    labels: new Uint16Array(new SharedArrayBuffer(2 * count)),
    provenance: groups.map((group, i) => ({
      source: `${split} ${i}`,
      ...(group !== undefined && { group }),
    })),
  };
}
function leaksOf(...splits: SubjectSplit[]) {
  const manifest = manifestOf({ name: 'x', classes: ['a', 'b'], preprocessing, recipe: {} }, {});
  const subject: Subject = { manifest, splits };
  return findLeaks(subject, []);
}

it('names the samples of a group that is in a later split, too', () => {
  const [finding, ...others] = leaksOf(
    splitOf('train', ['anna', 'bert', undefined, 'carl']),
    splitOf('validation', ['anna', 'dora', undefined]),
    splitOf('test', ['dora', 'carl']),
  );
  expect(others).toEqual([]);
  expect(finding!.severity).toBe('error');
  expect(finding!.samples.map(({ source }) => source)).toEqual(['train 0', 'train 3', 'validation 1']);
  expect(finding!.message).toContain('3 groups are in more than one split');
});

it('says nothing of groups that stay together', () => {
  expect(leaksOf(splitOf('train', ['anna', undefined]), splitOf('test', ['bert', undefined]))).toEqual([]);
});
