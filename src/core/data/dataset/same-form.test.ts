import { expect, it } from 'vitest';
import { preprocessingSchema } from '../../image/settings.js';
import type { DatasetManifest } from './format.js';
import { checkSameForm } from './same-form.js';

const dataset = (folder: string, classes: string[], image: object = {}) => ({
  folder,
  manifest: { classes, preprocessing: preprocessingSchema.parse(image) } as DatasetManifest,
});
/** The problems of all but the first, as `folder message`. */
function problemsOf(...sets: ReturnType<typeof dataset>[]): string[] {
  const [first, ...others] = sets;
  try {
    checkSameForm(first!, others);
  } catch (error) {
    const { problems } = (error as { details: { problems: { path: string; message: string }[] } }).details;
    return problems.map(({ path, message }) => `${path} ${message}`);
  }
  return [];
}

it('data sets of the same classes in the same order and of the same pictures go together', () => {
  expect(problemsOf(dataset('a', ['x', 'y']), dataset('b', ['x', 'y']))).toEqual([]);
});

it('names everything in which each of the others differs', () => {
  const many = Array.from({ length: 12 }, (_, i) => `more${i}`);
  expect(
    problemsOf(
      dataset('a', ['x', 'y', 'z']),
      dataset('order', ['x', 'z', 'y']),
      dataset('few', ['x', 'y'], { invert: true, channels: 3 }),
      dataset('many', ['x', 'y', 'z', ...many]),
    ),
  ).toEqual([
    'order has the classes in another order: number 2 is "z", not "y"',
    'few lacks the classes "z"',
    'few has pictures with channels 3, not 1',
    'few has pictures with invert true, not false',
    `many has the further classes ${many
      .slice(0, 8)
      .map((name) => `"${name}"`)
      .join(' ')} and 4 more`,
  ]);
});
