/** Lists of pictures as people and programs write them: encodings, delimiters, names. */
import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../../../test/support/temporary-folder.js';
import { normalName } from '../../base/text/names.js';
import { preprocessingSchema } from '../../image/settings.js';
import { readClasses } from '../dataset/class-names.js';
import { type ImportOptions, importDataset } from './import.js';

const preprocessing = preprocessingSchema.parse({ width: 4, height: 4 });

let root: string;
let remove: () => Promise<void>;
beforeAll(async () => {
  ({ path: root, remove } = await temporaryFolder('import-text'));
});
afterAll(() => remove());

const picture = (value: number) =>
  sharp(new Uint8Array(16).fill(value), { raw: { width: 4, height: 4, channels: 1 } })
    .png()
    .toBuffer();

/** A folder with a list and the pictures `0.png` to `5.png`, in `at`. */
async function listed(list: Uint8Array | string, { name = 'labels.csv', at = '.' } = {}): Promise<string> {
  const folder = await mkdtemp(join(root, 'in-'));
  await mkdir(join(folder, at), { recursive: true });
  for (let i = 0; i < 6; i++) await writeFile(join(folder, at, `${i}.png`), await picture(40 * i));
  await writeFile(join(folder, name), list);
  return folder;
}

const run = async (source: string, options: Partial<ImportOptions> = {}) =>
  importDataset({
    sources: [source],
    out: join(await mkdtemp(join(root, 'out-')), 'data'),
    preprocessing,
    ...options,
  });

const failure = (source: string, options: Partial<ImportOptions> = {}) =>
  run(source, options).then(
    () => undefined,
    (error) => error,
  );

/** Six pictures, three of each class. */
const csvOf = (classes: readonly [string, string], delimiter = ',', lineBreak = '\n') =>
  [['image', 'label'], ...Array.from({ length: 6 }, (_, i) => [`${i}.png`, classes[i % 2]!] as const)]
    .map((row) => row.map((field) => `"${field.replaceAll('"', '""')}"`).join(delimiter) + lineBreak)
    .join('');

const ENCODINGS: ((text: string) => Buffer)[] = [
  (text) => Buffer.from(text),
  (text) => Buffer.from(`\uFEFF${text}`),
  (text) => Buffer.from(`\uFEFF${text}`, 'utf16le'),
  (text) => Buffer.from(`\uFEFF${text}`, 'utf16le').swap16(),
];

/** Names with combining marks, and with everything that separates or quotes. */
const className = fc
  .array(
    fc.oneof(
      fc.string({ unit: 'grapheme' }),
      fc.constantFrom('e\u0301', 'o\u0323\u0302', '"', ',', ';', '|'),
    ),
    {
      maxLength: 4,
    },
  )
  .map((parts) => parts.join('').replace(/[\0\r\n\uFEFF]/g, ''))
  .filter((name) => name.trim() !== '');
const twoClasses = fc
  .tuple(className, className)
  .filter(([a, b]) => normalName(a) !== normalName(b)) as fc.Arbitrary<[string, string]>;

describe('a list of pictures', () => {
  it('gives the same data set in every encoding, with every delimiter, and in every normalisation', async () => {
    await fc.assert(
      fc.asyncProperty(
        twoClasses,
        fc.constantFrom(...ENCODINGS),
        fc.constantFrom(',', ';', '\t', '|'),
        fc.constantFrom('\n', '\r\n', '\r'),
        fc.constantFrom('NFC', 'NFD'),
        async (classes, encode, delimiter, lineBreak, form) => {
          const plain = await run(await listed(csvOf(classes)));
          const other = await run(await listed(encode(csvOf(classes, delimiter, lineBreak).normalize(form))));
          expect(other.fingerprint).toBe(plain.fingerprint);
          expect([...other.classes].sort()).toEqual(classes.map(normalName).sort());
        },
      ),
      { seed: 5, numRuns: 20 },
    );
  });

  it('in another encoding is refused with the line, and read when it is said', async () => {
    const classes = ['Kärl', 'Körl'] as const;
    const folder = await listed(Buffer.from(csvOf(classes), 'latin1'));
    expect(await failure(folder)).toMatchObject({
      code: 'ROBLE_TEXT_INVALID',
      message: expect.stringContaining('labels.csv:2:'),
      details: { nextSteps: [expect.stringContaining('--encoding')] },
    });
    const { fingerprint } = await run(await listed(csvOf(classes)));
    expect(await run(folder, { encoding: 'windows-1252' })).toMatchObject({ fingerprint, classes });
  });

  it('names its columns in any case, with blanks, and only once', async () => {
    const { fingerprint } = await run(await listed(csvOf(['a', 'b'])));
    const rows = csvOf(['a', 'b']).split('\n').slice(1).join('\n');
    expect((await run(await listed(` Image ,LABEL\n${rows}`))).fingerprint).toBe(fingerprint);
    const twice = await failure(await listed(`image,label,Label\n${rows.replace(/$/gm, ',x')}`));
    expect(twice).toBeUndefined();
    expect((await failure(await listed(`image,Label,LABEL\n`)))?.message).toContain('"label" twice');
    expect((await failure(await listed(`image,label,split,split\n`)))?.message).toContain('"split" twice');
  });

  it('finds files under paths of Windows, and under names that differ in case or normalisation', async () => {
    const list = (way: string) => csvOf(['a', 'b']).replaceAll(/"(\d\.png)"/g, `"${way}$1"`);
    for (const [at, way, notice] of [
      ['pictures/Gr\u00FCn', 'pictures\\Gr\u00FCn\\', 'found with "/" for each "\\" of its path'],
      [
        'pictures/Gr\u00FCn',
        'pictures/Gru\u0308n/',
        'found under a name that differs in Unicode normalisation',
      ],
      [
        'pictures/Gru\u0308n',
        'pictures/Gr\u00FCn/',
        'found under a name that differs in Unicode normalisation',
      ],
      ['Pictures/x', 'pictures/X/', 'found under a name that differs in upper and lower case'],
    ] as const) {
      const { count, notices } = await run(await listed(list(way), { at }));
      expect([count, notices]).toEqual([6, { [notice]: 6 }]);
    }
  });

  it('says of each row what is wrong with it, and reads the others', async () => {
    const list = `image,label\n0.png,a\n"1.png,a\n2.png,5" disk\n\\3.png,a\n"4".png,a\n5.png\n5.png,5" disk\n`;
    const split = { ratios: { train: 1 } };
    const { count, classes, skipped } = await run(await listed(list), { split });
    expect([count, classes]).toEqual([3, ['5" disk', 'a']]);
    expect(skipped.map(({ path, code }) => [path, code])).toEqual([
      ['labels.csv:3', 'ROBLE_CSV_INVALID'],
      ['\\3.png', 'ROBLE_FILE_NOT_FOUND'],
      ['labels.csv:6', 'ROBLE_CSV_INVALID'],
      ['labels.csv:7', 'ROBLE_CSV_INVALID'],
    ]);
    expect(skipped[1]!.message).toContain('labels.csv:5');
  });
});

describe('names of classes', () => {
  const [composed, decomposed] = ['caf\u00E9', 'cafe\u0301'];
  const drawing = (label: string, writer: string, x: number) =>
    `${JSON.stringify({
      label,
      writer,
      strokes: [
        [
          [0, 0],
          [x, 9],
          [9, x],
        ],
      ],
    })}\n`;

  it('in class folders, their list, strokes and --classes are one in every normalisation', async () => {
    const folder = await mkdtemp(join(root, 'in-'));
    for (const [i, name] of [composed, decomposed, 'tea'].entries()) {
      await mkdir(join(folder, name));
      for (let k = 0; k < 3; k++)
        await writeFile(join(folder, name, `${k}.png`), await picture(30 * i + 9 * k));
    }
    await writeFile(join(folder, 'classes.txt'), `\uFEFFtea\n${decomposed}\n`);
    expect(await run(folder)).toMatchObject({ classes: ['tea', composed], count: 9 });
    expect(await run(folder, { classes: [decomposed, 'tea'] })).toMatchObject({ classes: [composed, 'tea'] });

    const lines = [0, 1, 2, 3].map(
      (i) => drawing(i % 2 ? composed : decomposed, 'x', i) + drawing('tea', `y${i % 2}`, i + 4),
    );
    const strokes = await listed(Buffer.from(`\uFEFF${lines.join('')}`, 'utf16le'), { name: 's.jsonl' });
    const { classes, skipped } = await run(strokes, { format: 'strokes', groupBy: 'none' });
    expect([classes, skipped]).toEqual([[composed, 'tea'], []]);
  });

  it('in a file come without its byte order mark, and each once', async () => {
    const file = join(root, 'classes');
    await writeFile(file, `\uFEFFA\r\n${decomposed}\r\n`);
    expect(await readClasses(file)).toEqual(['A', composed]);
    await writeFile(file, Buffer.from(`\uFEFFA\n${decomposed}\n`, 'utf16le'));
    expect(await readClasses(file)).toEqual(['A', composed]);
    await writeFile(file, `${composed}\n${decomposed}\n`);
    await expect(readClasses(file)).rejects.toMatchObject({ code: 'ROBLE_USAGE' });
    await writeFile(file, Buffer.from(`A\n${composed}\n`, 'latin1'));
    await expect(readClasses(file)).rejects.toMatchObject({ code: 'ROBLE_TEXT_INVALID' });
    expect(await readClasses(file, { encoding: 'latin1' })).toEqual(['A', composed]);
  });

  it('of groups keep one writer in one split in every normalisation', async () => {
    const lines = Array.from({ length: 40 }, (_, i) =>
      drawing(i % 4 < 2 ? 'a' : 'b', ['w1', composed, 'w2', decomposed, 'w3'][i % 5]!, i),
    );
    const folder = await listed(lines.join(''), { name: 's.jsonl' });
    const { out } = await run(folder, { format: 'strokes' });
    const { openDataset, readProvenance } = await import('../dataset/open.js');
    const dataset = await openDataset(out);
    const groups = new Set((await readProvenance(dataset, 'train')).map(({ group }) => group));
    for (const { group } of await readProvenance(dataset, 'validation')) expect(groups).not.toContain(group);
  });

  it('that JavaScript gives every object are fields of a stroke only where they are written', async () => {
    const lines = [0, 1, 2, 3].map((i) => drawing(i % 2 ? 'a' : 'b', 'x', i)).join('');
    const folder = await listed(lines, { name: 's.jsonl' });
    expect((await failure(folder, { format: 'strokes', groupBy: 'constructor' }))?.details.problems).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ message: expect.stringContaining('no "constructor" to group by') }),
      ]),
    );
  });
});
