import fc from 'fast-check';
import { expect, it } from 'vitest';
import { findJsonFault, parseJsonText } from './json-text.js';

const isJson = (text: string): boolean => {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
};

it('refuses what JSON.parse refuses, and nothing else', () => {
  const bits = fc.constantFrom(
    ...['{', '}', '[', ']', ':', ',', '"', '"a"', '\\', 'x', '1', '0', '-', '.', 'e', '+', ' ', '\n', '\t'],
    ...['null', 'true', '\\u00e9', '\u0001', "'", '/', '#', 'é'],
  );
  const damaged = fc
    .tuple(fc.json(), fc.nat(), bits)
    .map(
      ([text, at, bit]) => text.slice(0, at % (text.length + 1)) + bit + text.slice(at % (text.length + 1)),
    );
  const texts = fc.oneof(
    fc.json(),
    damaged,
    fc.array(bits, { maxLength: 12 }).map((all) => all.join('')),
  );
  fc.assert(
    fc.property(texts, (text) => {
      expect(findJsonFault(text) === undefined).toBe(isJson(text));
    }),
    { numRuns: 1000 },
  );
});

it('tells the place at which the text stops being JSON, and what to do', () => {
  const cases: [text: string, offset: number, hint: string][] = [
    ['{"a": 1,}', 8, 'Remove the comma'],
    ['[1, ]', 4, 'Remove the comma'],
    ["{'a': 1}", 1, 'double quotes'],
    ['{"a": x}', 6, 'double quotes'],
    ['{"a": 1 // one\n}', 8, 'no comments'],
    ['# one\n{}', 0, 'no comments'],
    ['{"a": [1', 8, 'close every bracket'],
    ['{"a": "b\n"}', 6, 'Close the quotes'],
    ['', 0, 'close every bracket'],
  ];
  for (const [text, offset, hint] of cases)
    expect(findJsonFault(text), text).toMatchObject({ offset, hint: expect.stringContaining(hint) });
  expect(findJsonFault('{} x')).toEqual({ offset: 3, expected: 'the end of the file' });
});

it('takes a byte order mark, and says at which line and column a text is no JSON', () => {
  const read = (text: string) => parseJsonText(text, 'a.json', 'ROBLE_CONFIG_SYNTAX');
  fc.assert(
    fc.property(fc.json(), fc.nat(20), fc.nat(20), (text, lines, blanks) => {
      expect(read(`\uFEFF${text}`)).toEqual(JSON.parse(text));
      const place = `a.json:${lines + 1}:${blanks + 1} is not JSON: `;
      expect(() => read(`\uFEFF${'\r\n'.repeat(lines)}${' '.repeat(blanks)}?${text}`)).toThrow(place);
    }),
  );
});
