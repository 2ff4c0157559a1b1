import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { RobleError } from '../errors.js';
import { readJson, readYaml } from './yaml-text.js';

type Reader = typeof readYaml;
const failure = (text: string, read: Reader = readYaml): RobleError | undefined => {
  try {
    read(text, { name: 'file' });
    return undefined;
  } catch (error) {
    return error as RobleError;
  }
};

const LAUGHS = [
  'a: &a [x,x,x,x,x,x,x,x,x]',
  ...[...'bcdefghi'].map((name, i) => {
    const below = `*${'abcdefgh'[i]}`;
    return `${name}: &${name} [${Array(9).fill(below).join(',')}]`;
  }),
].join('\n');

const HOSTILE: readonly [name: string, text: string, at: string, hint: RegExp][] = [
  [
    'an unresolved alias',
    'serve:\n  access:\n    cors: [*.example.com]\n',
    '3:12',
    /quotes around it: "\*\.example/,
  ],
  ['a star alone', 'cors: [*]\n', '1:8', /quotes/],
  ['an alias before its anchor', 'a: *x\nb: &x 1\n', '1:4', /quotes/],
  ['a recursive alias', 'serve: &s\n  host: h\n  admin: *s\n', '3:10', /Write out/],
  ['a list in itself', '&a [1, *a]\n', '1:8', /Write out/],
  ['a billion laughs', LAUGHS, '6:', /Write out/],
  [
    'laughs that are merged',
    LAUGHS.replaceAll(
      /\[([^\]]*)\]/g,
      (_, items) => `{${items.split(',').map((item: string, i: number) => `k${i}: ${item}`)}}`,
    ),
    '6:',
    /Write out/,
  ],
  ['a key that is there twice', 'a: 1\nb: 2\na: 3\n', '3:1', /Remove one/],
  ['a key that is there twice, once in quotes', '1: a\n"1": b\n', '2:1', /Remove one/],
  ['a tab', 'a:\n\tb: 1\n', '2:1', /spaces/],
  ['a tag', 'a: !foo 1\n', '1:4', /tag/],
  ['a tag of code', 'a: !!js/function "x"\n', '1:4', /tag/],
  ['binary data', 'a: !!binary aGk=\n', '1:', /tag/],
  ['a set', 'a: !!set {x, y}\n', '1:', /tag/],
  ['a date of YAML 1.1', '%YAML 1.1\n---\na: 2001-01-01\n', '3:4', /quotes/],
  ['a list as key', '[a, b]: 1\n', '1:1', /key is a word/],
  ['a map as key', '? {a: 1}\n: 2\n', '1:3', /key is a word/],
  ['an alias as key', 'x: &x y\n*x : 1\n', '2:1', /key is a word/],
  ['several documents', 'a: 1\n---\nb: 2\n', '2:1', /one document/],
  ['a directive', '%FOO bar\n---\na: 1\n', '1:1', /Remove/],
  ['a word that begins with @', 'a: @b\n', '1:4', /quotes/],
  ['a merge of no map', 'a:\n  <<: 5\n', '2:7', /map/],
  ['a merge of an alias of no map', 'x: &x 1\na:\n  <<: [*x]\n', '3:8', /map/],
  ['an open bracket', 'a: [1, 2\n', '', /Mend/],
  ['an open quote', 'a: "b\n', '', /Mend/],
  ['brackets in brackets', `a: ${'['.repeat(50_000)}`, '1:', /less/],
  ['closed brackets in brackets', `a: ${'['.repeat(50_000)}${']'.repeat(50_000)}`, '1:', /less/],
  ['lists in lists', `${'- '.repeat(50_000)}a`, '1:', /less/],
  ['keys in keys', `${'? '.repeat(50_000)}a`, '1:', /less/],
];

it.each(HOSTILE)('refuses %s with its place and a way out', (_, text, at, hint) => {
  const error = failure(text);
  expect(error).toMatchObject({
    code: 'ROBLE_CONFIG_SYNTAX',
    message: expect.stringContaining(`file:${at}`),
  });
  expect(error!.message).toMatch(/^file:\d+:\d+: ./);
  expect(error!.details.nextSteps?.join()).toMatch(hint);
});

it('reads what is plain data, keys as they are written, anchors and merges among it', () => {
  const read = (text: string) => readYaml(text, { name: 'file' }).value;
  expect(read('base: &b {x: 1, y: [1, 2]}')).toEqual({ base: { x: 1, y: [1, 2] } });
  expect(read('a: &b {x: 1}\nc: {<<: *b, y: *b}\n')).toEqual({ a: { x: 1 }, c: { x: 1, y: { x: 1 } } });
  expect(read('0: a\n01: b\ntrue: c\nnull: d\n')).toEqual({ 0: 'a', '01': 'b', true: 'c', null: 'd' });
  expect(read('\uFEFFa: !!str 5\n')).toEqual({ a: '5' });
  expect(read('')).toBeNull();
  expect(read('# nothing\n---\n...\n')).toBeNull();
});

it('leaves the tags of others to them where it is asked to', () => {
  expect(readYaml('ports: !reset []\n', { name: 'file', anyTags: true }).value).toEqual({ ports: [] });
});

it('refuses JSON with its place and a way out', () => {
  const cases: [text: string, message: string][] = [
    ['{\n  "name": x\n}', 'file:2:11: expected a value, received "x"'],
    ['{"a": 1,\n}', 'file:2:1: expected a key in double quotes, received "}"'],
    ['{"a": 1', 'file:1:8: expected "," or the closing bracket, received the end of the file'],
    ['{"a": 1, "a": 2}', 'file:1:10: '],
    ['['.repeat(50_000), 'file:1:'],
  ];
  for (const [text, message] of cases) {
    const error = failure(text, readJson);
    expect(error).toMatchObject({ code: 'ROBLE_CONFIG_SYNTAX', message: expect.stringContaining(message) });
    expect(error!.details.nextSteps).not.toEqual([]);
  }
  expect(readJson('{\n\t"a":1, "b": "\\/\\ud83c\\udf33"}', { name: 'file' }).value).toEqual({
    a: 1,
    b: '/🌳',
  });
});

it('gives plain data or a coded error with a place for any text', () => {
  const bits = fc.constantFrom(
    ...[
      'a',
      'b: ',
      '- ',
      '? ',
      ': ',
      '\n',
      '\n  ',
      '\t',
      '[',
      ']',
      '{',
      '}',
      ', ',
      '&a ',
      '*a',
      '*b',
      '<<: ',
      '"',
      "'",
    ],
    ...[
      '|',
      '>',
      '!!set ',
      '!t ',
      '---\n',
      '...\n',
      '%YAML 1.1\n',
      '# c',
      '1',
      'null',
      '~',
      '.inf',
      '\uFEFF',
      '\u0000',
    ],
  );
  fc.assert(
    fc.property(
      fc.array(bits, { maxLength: 25 }).map((all) => all.join('')),
      fc.constantFrom<Reader>(readYaml, readJson),
      (text, read) => {
        const error = failure(text, read);
        if (error) {
          expect(error.code, error.stack!).toBe('ROBLE_CONFIG_SYNTAX');
          expect(error.message).toMatch(/^file:[1-9]\d*:[1-9]\d*: ./);
        } else JSON.stringify(read(text, { name: 'file' }).value);
      },
    ),
    { numRuns: 1000 },
  );
});
