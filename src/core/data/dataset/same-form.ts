import { isDeepStrictEqual } from 'node:util';
import { type Problem, RobleError } from '../../base/errors.js';
import { isSameName, normalName } from '../../base/text/names.js';
import type { DatasetManifest } from './format.js';
import type { Dataset } from './open.js';

type Named = Pick<Dataset, 'folder' | 'manifest'>;
/** What must be equal: the classes in their order, and how pictures were made. */
type Form = Pick<DatasetManifest, 'classes' | 'preprocessing'>;

/**
 * Checks that data sets can be used together: the same classes in the same order, and pictures made in the same way.
 *
 * @throws {RobleError} `ROBLE_DATASETS_DIFFER` with every difference of each of the others from the first
 */
export function checkSameForm(first: Named, others: readonly Named[]): void {
  refuse(first, others, 'the classes, their order and the preprocessing', formProblems);
}

/**
 * Checks that the pictures of data sets were made in the same way; their classes may differ.
 *
 * @throws {RobleError} like {@link checkSameForm}
 */
export function checkSamePictures(first: Named, others: readonly Named[]): void {
  refuse(first, others, 'the preprocessing', pictureProblems);
}

function refuse(
  first: Named,
  others: readonly Named[],
  expected: string,
  problemsOf: (wanted: DatasetManifest, found: DatasetManifest) => string[],
): void {
  const problems = others.flatMap(({ folder, manifest }) =>
    problemsOf(first.manifest, manifest).map((message): Problem => ({ path: folder, message })),
  );
  if (problems.length === 0) return;
  throw new RobleError('ROBLE_DATASETS_DIFFER', 'The data sets cannot be used together.', {
    expected: `${expected} of ${first.folder}`,
    problems,
    nextSteps: ['Import them again with the same settings.'],
  });
}

/** The differences of another form from the wanted one, in words that follow its name. */
export function formProblems(wanted: Form, other: Form): string[] {
  return [...classProblems(wanted, other), ...pictureProblems(wanted, other)];
}

function classProblems({ classes: wanted }: Form, { classes }: Form): string[] {
  const [wantedNames, names] = [wanted, classes].map((list) => new Set(list.map(normalName)));
  const missing = wanted.filter((name) => !names!.has(normalName(name)));
  const unknown = classes.filter((name) => !wantedNames!.has(normalName(name)));
  const first = classes.findIndex((name, i) => !isSameName(name, wanted[i] ?? ''));
  if (missing.length + unknown.length === 0)
    return first < 0
      ? []
      : [
          `has the classes in another order: number ${first + 1} is "${classes[first]}", not "${wanted[first]}"`,
        ];
  return [
    ...(missing.length > 0 ? [`lacks the classes ${shortList(missing)}`] : []),
    ...(unknown.length > 0 ? [`has the further classes ${shortList(unknown)}`] : []),
  ];
}

/** Names that a message lists; the others are counted. */
const LISTED = 8;

function shortList(names: readonly string[]): string {
  const more = names.length > LISTED ? [`and ${names.length - LISTED} more`] : [];
  return [...names.slice(0, LISTED).map((name) => `"${name}"`), ...more].join(' ');
}

/** The differences of another preprocessing from the wanted one, in words that follow its name. */
export function pictureProblems(
  { preprocessing: wanted }: Pick<Form, 'preprocessing'>,
  { preprocessing }: Pick<Form, 'preprocessing'>,
): string[] {
  return (Object.keys(wanted) as (keyof typeof wanted)[])
    .filter((key) => !isDeepStrictEqual(wanted[key], preprocessing[key]))
    .map((key) => `has pictures with ${key} ${preprocessing[key]}, not ${wanted[key]}`);
}
