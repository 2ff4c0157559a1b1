import { RobleError } from '../../base/errors.js';
import { normalName } from '../../base/names.js';
import type { ReaderOptions } from './source.js';

/** Where a list of pictures says what; -1 for what it does not say. */
export interface ListColumns {
  readonly count: number;
  readonly image: number;
  readonly label: number;
  readonly group: number;
  readonly split: number;
}

/** What the world calls the column of pictures: a name counts only where none before it is there. */
const IMAGE_NAMES: readonly (readonly string[])[] = [
  ['image'],
  [
    'file_name',
    'filename',
    'file',
    'path',
    'file_path',
    'filepath',
    'image_path',
    'image_name',
    'img',
    'img_name',
  ],
  ['image_id', 'img_id', 'id_code', 'image_code', 'id'],
];
const LABEL_NAMES: readonly (readonly string[])[] = [
  ['label'],
  ['class', 'category', 'labels', 'class_name', 'category_name', 'class_label', 'label_name', 'target'],
];

const folded = (name: string): string => normalName(name).trim().toLowerCase();

/** The places of a column: of those with the name as it is, or else of those that differ in case or blanks alone. */
function placesOf(header: readonly string[], name: string): number[] {
  const exact = [...header.keys()].filter((i) => header[i] === name);
  return exact.length > 0 ? exact : [...header.keys()].filter((i) => folded(header[i]!) === folded(name));
}

/** The places of what may be a column. */
function candidates(
  header: readonly string[],
  given: string | undefined,
  usual: readonly (readonly string[])[],
): number[] {
  if (given !== undefined) return placesOf(header, given);
  const found = usual.map((names) => names.flatMap((name) => placesOf(header, name)));
  return found.find((places) => places.length > 0) ?? [];
}

interface Roles {
  readonly image: readonly number[];
  readonly label: readonly number[];
}

function rolesOf(header: readonly string[], { imageColumn, labelColumn }: ReaderOptions): Roles {
  const image = candidates(header, imageColumn, IMAGE_NAMES);
  const label = candidates(header, labelColumn, LABEL_NAMES);
  // Of two columns the one that is no picture says what it shows.
  if (label.length > 0 || labelColumn !== undefined || header.length !== 2 || image.length !== 1)
    return { image, label };
  return { image, label: [1 - image[0]!] };
}

/** What keeps a header from being that of a list of pictures. */
export function problemsOfHeader(header: readonly string[], options: ReaderOptions): string[] {
  const { groupBy, imageColumn, labelColumn } = options;
  const { image, label } = rolesOf(header, options);
  const group = groupBy === undefined || groupBy === 'none' ? [] : [groupBy];
  const twice = [...group, 'group', 'split'].filter((name) => placesOf(header, name).length > 1);
  return [
    ...roleProblem(header, image, imageColumn, 'image'),
    ...roleProblem(header, label, labelColumn, 'label'),
    ...group.filter((name) => placesOf(header, name).length === 0).map(lacks),
    ...[...new Set(twice)].map(hasTwice),
  ];
}

const lacks = (name: string) => `lacks the column "${name}"`;
const hasTwice = (name: string) => `has the column "${name}" twice`;

function roleProblem(
  header: readonly string[],
  places: readonly number[],
  given: string | undefined,
  role: string,
): string[] {
  if (places.length === 1) return [];
  if (places.length === 0) return [lacks(given ?? role)];
  const names = [...new Set(places.map((i) => folded(header[i]!)))];
  return [
    names.length === 1
      ? hasTwice(names[0]!)
      : `has several columns that may be the ${role}: ${names.map((name) => `"${name}"`).join(', ')}`,
  ];
}

/**
 * The columns of a list of pictures, by the caller's word or by the names that are usual.
 *
 * @throws {RobleError} `ROBLE_CSV_INVALID` where one is missing, or several may be meant
 */
export function findColumns(path: string, header: readonly string[], options: ReaderOptions): ListColumns {
  const problems = problemsOfHeader(header, options);
  if (problems.length > 0)
    throw new RobleError('ROBLE_CSV_INVALID', `${path} ${problems.join(' and ')}.`, {
      received: header,
      expected: 'a header with image and label, or names like them, and if you like group and split',
      nextSteps: [
        'Name the columns with --image-column and --label-column.',
        'Where its first line is a sample and no header, write one above it: "image,label".',
        'Say what separates the columns with --delimiter, where it is no comma, semicolon, tab or "|".',
        'Where folders say the class, and this file does not, import with --format folder.',
      ],
    });
  const { image, label } = rolesOf(header, options);
  const placeOf = (name: string) => placesOf(header, name)[0] ?? -1;
  return {
    count: header.length,
    image: image[0]!,
    label: label[0]!,
    group: options.groupBy === 'none' ? -1 : placeOf(options.groupBy ?? 'group'),
    split: placeOf('split'),
  };
}
