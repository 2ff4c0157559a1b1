import { type ErrorCode, RobleError } from '../errors.js';

/** Where a text stops being JSON. */
export interface JsonFault {
  readonly offset: number;
  /** What JSON has at this place. */
  readonly expected: string;
  readonly hint?: string;
}

const BLANKS = /[ \t\r\n]*/y;
// biome-ignore lint/suspicious/noControlCharactersInRegex: JSON forbids them in a text.
const STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[\da-fA-F]{4}))*"/y;
const PLAIN = /(?:true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)(?![\w.+-])/y;

type Wanted = 'value' | 'value or ]' | 'key' | 'key or }' | 'colon' | 'comma' | 'end';

const WORDS: Readonly<Record<Wanted, string>> = {
  value: 'a value',
  'value or ]': 'a value or "]"',
  key: 'a key in double quotes',
  'key or }': 'a key in double quotes or "}"',
  colon: '":"',
  comma: '"," or the closing bracket',
  end: 'the end of the file',
};

/**
 * The first place of a text at which it is no JSON; undefined for JSON. `JSON.parse` refuses the same texts, and often
 * does not say where.
 */
export function findJsonFault(text: string): JsonFault | undefined {
  const open: ('{' | '[')[] = [];
  let wanted: Wanted = 'value';
  let at = 0;
  const take = (pattern: RegExp): boolean => {
    pattern.lastIndex = at;
    const isThere = pattern.test(text);
    if (isThere) at = pattern.lastIndex;
    return isThere;
  };
  const afterValue = (): Wanted => (open.length === 0 ? 'end' : 'comma');
  for (;;) {
    take(BLANKS);
    const char = text[at];
    if (wanted === 'end' && char === undefined) return undefined;
    const isOpening = wanted.startsWith('value') && (char === '{' || char === '[');
    const closes = open.at(-1) === '{' ? '}' : ']';
    const mayClose = wanted === 'comma' || wanted === 'value or ]' || wanted === 'key or }';
    if (isOpening) {
      open.push(char);
      wanted = char === '{' ? 'key or }' : 'value or ]';
      at++;
    } else if (mayClose && char === closes) {
      open.pop();
      wanted = afterValue();
      at++;
    } else if (wanted === 'comma' && char === ',') {
      wanted = open.at(-1) === '{' ? 'key' : 'value';
      at++;
    } else if (wanted === 'colon' && char === ':') {
      wanted = 'value';
      at++;
    } else if (wanted.startsWith('key') && take(STRING)) wanted = 'colon';
    else if (wanted.startsWith('value') && (take(STRING) || take(PLAIN))) wanted = afterValue();
    else return { offset: at, expected: WORDS[wanted], ...hintAt(text, at, wanted) };
  }
}

function hintAt(text: string, at: number, wanted: Wanted): { hint?: string } {
  const char = text[at];
  if (char === undefined) return { hint: 'The end is missing: close every bracket and every quote.' };
  if (char === '#' || text.startsWith('//', at) || text.startsWith('/*', at))
    return { hint: 'JSON has no comments: remove it, or name the file .yaml.' };
  if ((char === '}' || char === ']') && (wanted === 'key' || wanted === 'value'))
    return { hint: `Remove the comma before "${char}".` };
  if (char === "'") return { hint: 'Write double quotes.' };
  if (char === '"')
    return {
      hint: 'Close the quotes on the same line; a line break in a text is \\n, a backslash is \\\\.',
    };
  if (wanted !== 'end' && /[\w*]/.test(char)) return { hint: 'Put words into double quotes.' };
  return {};
}

/** What is wrong at a fault, as a part of a sentence. */
export function describeJsonFault(text: string, { offset, expected }: JsonFault): string {
  const found = text[offset];
  return `expected ${expected}, received ${found === undefined ? 'the end of the file' : JSON.stringify(found)}`;
}

/**
 * The value of a JSON text that somebody may have written or edited, with or without a byte order mark.
 *
 * @param name of messages
 * @throws {RobleError} of the given code, with line and column and what to do
 */
export function parseJsonText(text: string, name: string, code: ErrorCode): unknown {
  const content = text.startsWith('\uFEFF') ? text.slice(1) : text;
  try {
    return JSON.parse(content);
  } catch (cause) {
    const fault = findJsonFault(content);
    if (!fault) throw cause;
    const before = content.slice(0, fault.offset).split(/\r\n|\n|\r/);
    const [line, column] = [before.length, before.at(-1)!.length + 1];
    throw new RobleError(
      code,
      `${name}:${line}:${column} is not JSON: ${describeJsonFault(content, fault)}`,
      {
        received: `line ${line}, column ${column}`,
        nextSteps: [fault.hint ?? 'Mend this place; what is wrong may begin on the line before.'],
        cause,
      },
    );
  }
}
