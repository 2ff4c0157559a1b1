import { RobleError } from '../../base/errors.js';
import { normalName } from '../../base/names.js';
import type { ReaderOptions } from './source.js';

/** The columns of a list of pictures by their indices; -1 for one that it does not have. */
export interface ListColumns {
  readonly count: number;
  readonly image: number;
  readonly label: number;
  readonly group: number;
  readonly split: number;
}

/** Usual names of the column of pictures: those of a line count only if none of a line before it is there. */
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

/** The indices of the columns of a name, exactly as it is or else with differences in case or blanks alone. */
function columnsNamed(header: readonly string[], name: string): number[] {
  const exact = [...header.keys()].filter((i) => header[i] === name);
  return exact.length > 0 ? exact : [...header.keys()].filter((i) => folded(header[i]!) === folded(name));
}

/** The indices of the columns that may be meant. */
function candidates(
  header: readonly string[],
  given: string | undefined,
  usual: readonly (readonly string[])[],
): number[] {
  if (given !== undefined) return columnsNamed(header, given);
  const found = usual.map((names) => names.flatMap((name) => columnsNamed(header, name)));
  return found.find((columns) => columns.length > 0) ?? [];
}

interface Roles {
  readonly image: readonly number[];
  readonly label: readonly number[];
}

function rolesOf(header: readonly string[], { imageColumn, labelColumn }: ReaderOptions): Roles {
  const image = candidates(header, imageColumn, IMAGE_NAMES);
  const label = candidates(header, labelColumn, LABEL_NAMES);
  // If there are two columns, the one without pictures has the labels.
  if (label.length > 0 || labelColumn !== undefined || header.length !== 2 || image.length !== 1)
    return { image, label };
  return { image, label: [1 - image[0]!] };
}

/** Why a header is not that of a list of pictures. */
export function problemsOfHeader(header: readonly string[], options: ReaderOptions): string[] {
  const { groupBy, imageColumn, labelColumn } = options;
  const { image, label } = rolesOf(header, options);
  const group = groupBy === undefined || groupBy === 'none' ? [] : [groupBy];
  const twice = [...group, 'group', 'split'].filter((name) => columnsNamed(header, name).length > 1);
  return [
    ...roleProblem(header, image, imageColumn, 'image'),
    ...roleProblem(header, label, labelColumn, 'label'),
    ...group.filter((name) => columnsNamed(header, name).length === 0).map(lacks),
    ...[...new Set(twice)].map(hasTwice),
  ];
}

const lacks = (name: string) => `lacks the column "${name}"`;
const hasTwice = (name: string) => `has the column "${name}" twice`;

function roleProblem(
  header: readonly string[],
  columns: readonly number[],
  given: string | undefined,
  role: string,
): string[] {
  if (columns.length === 1) return [];
  if (columns.length === 0) return [lacks(given ?? role)];
  const names = [...new Set(columns.map((i) => folded(header[i]!)))];
  return [
    names.length === 1
      ? hasTwice(names[0]!)
      : `has several columns that may be the ${role}: ${names.map((name) => `"${name}"`).join(', ')}`,
  ];
}

/**
 * The columns of a list of pictures: those that the caller names, or those of usual names.
 *
 * @throws {RobleError} `ROBLE_CSV_INVALID` if one is missing, or several may be meant
 */
export function findColumns(path: string, header: readonly string[], options: ReaderOptions): ListColumns {
  const problems = problemsOfHeader(header, options);
  if (problems.length > 0)
    throw new RobleError('ROBLE_CSV_INVALID', `${path} ${problems.join(' and ')}.`, {
      received: header,
      expected: 'a header with image and label, or similar names, and optionally group and split',
      nextSteps: [
        'Name the columns with --image-column and --label-column.',
        'If its first line is a sample, write a header above it: "image,label".',
        'Name the separator of the columns with --delimiter if it is not a comma, semicolon, tab or "|".',
        'If the classes are given by folders, and not by this file, import with --format folder.',
      ],
    });
  const { image, label } = rolesOf(header, options);
  const columnOf = (name: string) => columnsNamed(header, name)[0] ?? -1;
  return {
    count: header.length,
    image: image[0]!,
    label: label[0]!,
    group: options.groupBy === 'none' ? -1 : columnOf(options.groupBy ?? 'group'),
    split: columnOf('split'),
  };
}
