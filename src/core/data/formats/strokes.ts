import { readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { optional } from '../../base/collections.js';
import { RobleError } from '../../base/errors.js';
import { openPlainOrGzip } from '../../base/storage/byte-reader.js';
import { parseJson } from '../../base/storage/read-file.js';
import { ENCODING_STEP, textLines } from '../../base/storage/text-file.js';
import { type DrawingInput, drawingProblem } from '../../image/strokes/drawing.js';
import { type ReaderOptions, type SourceItem, splitOfFile } from './source.js';

const STROKES_NAME = /\.jsonl(\.gz)?$/;

/** Whether a file's name is that of stroke JSON lines. */
export function isStrokesFile(name: string): boolean {
  return STROKES_NAME.test(name) && !name.startsWith('.');
}

/**
 * Reads pen strokes, one JSON object a line, gzip or not: `label`, `strokes` (lists of `[x, y]`, y down) and, if they are
 * known, `writer` (the group) and `unit` (the usual size of a character by that hand, in the units of the points). A file
 * named `train-...` or `val-...` gives the split.
 *
 * @throws {RobleError} `ROBLE_STROKES_INVALID` when the file cannot be unpacked. A malformed line is a bad sample.
 */
export async function* readStrokes(path: string, options: ReaderOptions): AsyncGenerator<SourceItem> {
  const files = (await stat(path)).isDirectory()
    ? (await readdir(path))
        .filter(isStrokesFile)
        .sort()
        .map((name) => join(path, name))
    : [path];
  for (const file of files)
    yield* readLines(file, { ...options, split: options.split ?? splitOfFile(basename(file)) });
}

async function* readLines(path: string, options: ReaderOptions): AsyncGenerator<SourceItem> {
  const stream = await openPlainOrGzip(path);
  let line = 0;
  try {
    const { encoding } = options;
    for await (const text of textLines(stream, path, { encoding, nextStep: ENCODING_STEP })) {
      line += 1;
      if (text.trim() !== '') yield lineToItem(`${basename(path)}#${line}`, text, options);
    }
  } catch (error) {
    if (!String((error as NodeJS.ErrnoException).code).startsWith('Z_')) throw error;
    throw new RobleError('ROBLE_STROKES_INVALID', `${path} is damaged or ends early.`, {
      received: (error as Error).message,
      expected: 'a whole gzip file',
      cause: error,
    });
  } finally {
    stream.destroy();
  }
}

function lineToItem(source: string, text: string, options: ReaderOptions): SourceItem {
  const field = options.groupBy ?? 'writer';
  const value = parseObject(text);
  const problem = findProblem(value, field, options);
  if (problem !== undefined)
    return {
      source,
      error: new RobleError('ROBLE_STROKES_INVALID', `The line is not a drawing: ${problem}.`, {
        received: text.length > 80 ? `${text.slice(0, 80)}...` : text,
        expected: '{"label": "A", "strokes": [[[x, y], ...], ...], "writer": "...", "unit": 100}',
      }),
    };
  const { label, strokes, unit = 0 } = value as unknown as Drawing;
  const group = Object.hasOwn(value!, field) ? value![field] : undefined;
  return {
    source,
    label: options.labels === 'index' ? Number(label) : label,
    ...optional('group', field === 'none' || group === undefined ? undefined : String(group)),
    ...optional('split', options.split),
    picture: { kind: 'strokes', strokes: strokes.filter(({ length }) => length > 0), unit },
  };
}

interface Drawing extends DrawingInput {
  readonly label: string;
}

function parseObject(text: string): Record<string, unknown> | undefined {
  const value = parseJson(text);
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
}

function findProblem(
  value: Record<string, unknown> | undefined,
  field: string,
  { groupBy }: ReaderOptions,
): string | undefined {
  if (value === undefined) return 'it is not a JSON object';
  if (typeof value.label !== 'string' || value.label === '') return '"label" is not a text';
  const problem = drawingProblem(value);
  if (problem !== undefined) return problem;
  if (groupBy !== undefined && groupBy !== 'none' && !Object.hasOwn(value, field))
    return `it has no "${field}" to group by`;
  return undefined;
}
