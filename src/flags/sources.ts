import * as Flags from '@oclif/core/flags';
import { ENCODING_STEP } from '../core/base/storage/text-file.js';
import { readClasses } from '../core/data/dataset/class-names.js';
import type { TopFolders } from '../core/data/formats/source.js';
import { parseDelimiter } from './values.js';

/** How labelled pictures that lie in files are read. */
export const sourceFlags = {
  format: Flags.string({
    helpGroup: 'SOURCE',
    helpValue: 'FORMAT',
    description:
      'Format of the sources: idx, folder, csv, imagefolder, strokes, parquet, or one that a plugin adds; auto: by their names.',
  }),
  classes: Flags.string({
    helpGroup: 'SOURCE',
    helpValue: 'LIST',
    description: 'Classes in order: a,b,c or 0-9a-z or U+0021..U+007E, or a file with one on each line.',
  }),
  labels: Flags.option({
    options: ['name', 'index'] as const,
    helpGroup: 'SOURCE',
    description: 'Whether labels in CSV, strokes and Parquet are names or indices into --classes.',
  })(),
  'image-column': Flags.string({
    helpGroup: 'SOURCE',
    helpValue: 'COLUMN',
    description: 'CSV or Parquet column of images.',
  }),
  'label-column': Flags.string({
    helpGroup: 'SOURCE',
    helpValue: 'COLUMN',
    description: 'CSV or Parquet column of labels.',
  }),
  encoding: Flags.string({
    helpGroup: 'SOURCE',
    helpValue: 'NAME',
    description: 'Encoding of text files without a byte order mark, such as windows-1252; otherwise UTF-8.',
  }),
  delimiter: Flags.string({
    helpGroup: 'SOURCE',
    helpValue: 'CHARACTER',
    description: 'What separates the columns of CSV files, or tab; otherwise found by the header.',
  }),
  transpose: Flags.boolean({
    helpGroup: 'SOURCE',
    allowNo: true,
    description: 'Swap rows and columns of every picture first, as the files of EMNIST need it.',
  }),
  'top-folders': Flags.option({
    options: ['classes', 'splits'] as const,
    helpGroup: 'SOURCE',
    description: 'What the top folders of a folder are, where names such as train leave it open.',
  })(),
  'max-pixels': Flags.integer({
    helpGroup: 'SOURCE',
    min: 4,
    description: 'Largest picture that is decoded.',
  }),
};

/** The values that {@link sourceFlags} may have. */
interface GivenFlags {
  readonly format?: string | undefined;
  readonly classes?: string | undefined;
  readonly labels?: 'name' | 'index' | undefined;
  readonly 'image-column'?: string | undefined;
  readonly 'label-column'?: string | undefined;
  readonly encoding?: string | undefined;
  readonly delimiter?: string | undefined;
  readonly transpose?: boolean | undefined;
  readonly 'top-folders'?: TopFolders | undefined;
  readonly 'max-pixels'?: number | undefined;
}

/**
 * These flags as options of the library.
 *
 * @throws {RobleError} `ROBLE_USAGE`, and what reading a list of classes throws
 */
export async function sourceOptions(flags: GivenFlags) {
  const { format, classes, labels, encoding, delimiter, transpose } = flags;
  return {
    format,
    classes:
      classes === undefined ? undefined : await readClasses(classes, { encoding, nextStep: ENCODING_STEP }),
    labels,
    imageColumn: flags['image-column'],
    labelColumn: flags['label-column'],
    encoding,
    delimiter: delimiter === undefined ? undefined : parseDelimiter(delimiter),
    transpose,
    topFolders: flags['top-folders'],
    maxPixels: flags['max-pixels'],
    limitName: '--max-pixels',
  };
}
