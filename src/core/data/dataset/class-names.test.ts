import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { classOfFolder, folderNames, parseCharacters, parseClasses } from './class-names.js';

/** Any text, with many of the names that are trouble somewhere. */
const name = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 80 }),
  fc.string({
    unit: fc.constantFrom('a', 'A', '.', ' ', 'é', 'e\u0301', 'ß', 'K', 'k', '_', '+', 'U'),
    maxLength: 4,
  }),
  // Half of a surrogate pair is text in JavaScript and nowhere else.
  fc.string({ unit: fc.constantFrom('\ud83d', '\ude00', 'x'), maxLength: 3 }),
  fc.constantFrom(
    ...['/', '\\', '.', '..', ':', '*', '?', '"', '<', '>', '|', '\0', '\n', '', 'dot.', 'space ', '.hidden'],
    ...[
      'CON',
      'nul',
      'Aux.txt',
      'COM1',
      'lpt9.a.b',
      'U+0041',
      'u+0041',
      'U+0041_U+0042',
      'U+110000',
      'sha256-',
    ],
    ...[
      'a',
      'A',
      'Cat',
      'cat',
      'CAT',
      '\u00e9',
      'e\u0301',
      '\u212b',
      '\u00c5',
      'x'.repeat(300),
      'X'.repeat(300),
    ],
  ),
);
const names = fc.uniqueArray(name, { maxLength: 30 });

describe('folder names of classes', () => {
  it('come back as the classes that they stand for', () => {
    fc.assert(
      fc.property(names, (classes) => {
        expect(folderNames(classes).map((folder) => classOfFolder(folder, classes))).toEqual(classes);
      }),
      { numRuns: 2000 },
    );
  });

  it('come back without a list of the classes too, unless they are long or empty', () => {
    fc.assert(
      fc.property(names, (classes) => {
        const short = classes.filter((text) => text !== '' && [...text].length <= 28);
        expect(folderNames(short).map((folder) => classOfFolder(folder))).toEqual(short);
      }),
      { numRuns: 2000 },
    );
  });

  it.each([
    ['lower case', (text: string) => text.toLowerCase()],
    ['upper case', (text: string) => text.toUpperCase()],
    ['decomposed, as on macOS', (text: string) => text.normalize('NFD').toLowerCase()],
    ['cut as on Windows', (text: string) => text.replace(/[. ]+$/, '').toLowerCase()],
  ])('differ when a disk sees them %s', (_disk, seen) => {
    fc.assert(
      fc.property(names, (classes) => {
        const folders = folderNames(classes);
        expect(new Set(folders.map(seen)).size).toBe(folders.length);
      }),
      { numRuns: 2000 },
    );
  });

  it('hold nothing that some file system refuses or changes', () => {
    fc.assert(
      fc.property(names, (classes) => {
        for (const folder of folderNames(classes)) {
          expect(folder).toMatch(/^[\x20-\x7e]{1,255}$/);
          expect(folder).not.toMatch(/[/\\:*?"<>|]|^[. ]|[. ]$/);
          expect(folder).not.toMatch(/^(con|prn|aux|nul|com\d|lpt\d)(\..*)?$/i);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('stay as they are where they are plain', () => {
    expect(folderNames(['cat', 'Big dog', '7', '-', "it's (one)"])).toEqual([
      ...['cat', 'Big dog', '7', '-', "it's (one)"],
    ]);
    expect(folderNames(['a', 'A', 'b'])).toEqual(['U+0061', 'U+0041', 'b']);
  });
});

describe('lists of classes', () => {
  it('know ranges, codes and names', () => {
    expect(parseClasses('0-9a-z')).toHaveLength(36);
    expect(parseClasses('U+0021..U+007E')).toHaveLength(94);
    expect(parseClasses('cat,dog,U+002C')).toEqual(['cat', 'dog', ',']);
    expect(parseCharacters('abc,+=')).toEqual(['a', 'b', 'c', '+', '=']);
    expect(() => parseClasses('a,b,a')).toThrow(/twice/);
    expect(() => parseClasses('z-a')).toThrow(/range/);
  });
});
