import { readFile } from 'node:fs/promises';
import { join, normalize } from 'node:path';
import { type Reader, RobleError, type SourceItem, SPLITS, type SplitName } from 'roble/plugin';

/** A line of the list: the picture's path in the folder, its label, and, if it has one, its split; tabs between them. */
const LIST = 'labels.tsv';

export const plugin: Reader = {
  name: '<%= it.name %>',
  description: 'A folder of pictures with a list "labels.tsv".',

  recognizes: ({ isFolder, files }) => isFolder && files.includes(LIST),

  async *read(path, { split, signal }) {
    const text = await readFile(join(path, LIST), 'utf8');
    for (const [i, line] of text.split(/\r?\n/).entries()) {
      signal?.throwIfAborted();
      if (line !== '') yield sampleOf(path, line, i + 1, split);
    }
  },
};

/** A line that cannot be used is told as such, and the others can be. */
function sampleOf(path: string, line: string, number: number, wanted: SplitName | undefined): SourceItem {
  const [picture, label, word = ''] = line.split('\t');
  const problem = !label
    ? 'it has no label'
    : word !== '' && !isSplit(word)
      ? `"${word}" is no split`
      : normalize(picture).startsWith('..')
        ? 'its picture lies outside of the folder'
        : undefined;
  if (problem)
    return {
      source: `${LIST}:${number}`,
      error: new RobleError('ROBLE_CSV_INVALID', `Line ${number} of ${LIST} cannot be used: ${problem}.`, {
        expected: `picture, label and, if it has one, one of ${SPLITS.join(', ')}`,
      }),
    };
  const split = wanted ?? (isSplit(word) ? word : undefined);
  return { source: picture, label, ...(split && { split }), picture: { kind: 'encoded', from: join(path, picture) } };
}

const isSplit = (word: string): word is SplitName => (SPLITS as readonly string[]).includes(word);
