import { type ErrorCode, RobleError } from '../errors.js';
import { parseJsonText } from '../schema/json-text.js';
import { fileOrPipe } from './read-file.js';

export interface TextOptions {
  /** How the text is encoded, by a name that `TextDecoder` knows; a byte order mark says it better. Default: UTF-8. */
  readonly encoding?: string | undefined;
  /** Of the error; default `ROBLE_TEXT_INVALID`. */
  readonly code?: ErrorCode | undefined;
  /** Whether nothing of the text may be shown. */
  readonly isSecret?: boolean | undefined;
  /** What to do about a text that cannot be decoded; default: save it as UTF-8. */
  readonly nextStep?: string | undefined;
  /** Ends the wait for a pipe. */
  readonly signal?: AbortSignal | undefined;
}

/** What to do about data in another encoding. */
export const ENCODING_STEP =
  'Say how it is encoded, such as --encoding windows-1252 (western Europe), windows-1251 or shift_jis; or save it as UTF-8.';

/** A line that is longer than this belongs to no text. */
const MAX_LINE_BYTES = 64 << 20;
/** Byte order marks. */
const MARKS = [
  { encoding: 'utf-8', bytes: [0xef, 0xbb, 0xbf] },
  { encoding: 'utf-16le', bytes: [0xff, 0xfe] },
  { encoding: 'utf-16be', bytes: [0xfe, 0xff] },
];
const MARK_BYTES = 3;
/** Characters that a message shows of what is right. */
const SHOWN_BEFORE = 20;
const LINE_BREAK = /\r\n|\n|\r/;

/**
 * Decodes a text that somebody wrote: without its byte order mark, and never with characters in place of bytes that are
 * none.
 *
 * @param name of messages
 * @throws {RobleError} with the line and the byte that is no text; `ROBLE_USAGE` for an unknown encoding
 */
export function decodeText(bytes: Uint8Array, name: string, options: TextOptions = {}): string {
  const text = new TextBlocks(name, options);
  return text.add(bytes) + text.end();
}

/** @throws {RobleError} `ROBLE_USAGE` for the name of an encoding that is not known */
export function checkEncoding(label: string): void {
  encodingOf(label);
}

/** Reads a text file; see {@link decodeText}. */
export async function readTextFile(path: string, options: TextOptions = {}): Promise<string> {
  let text = '';
  try {
    for await (const block of textBlocks(fileOrPipe(path, options.signal), path, options)) text += block;
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw RobleError.from(error);
  }
  return text;
}

/**
 * The value of a JSON file that somebody wrote.
 *
 * @throws {RobleError} `ROBLE_FILE_NOT_FOUND` and the like; of the given code, with line and column, for what is no JSON
 */
export async function readJsonFile(path: string, code: ErrorCode = 'ROBLE_CONFIG_SYNTAX'): Promise<unknown> {
  return parseJsonText(await readTextFile(path, { code }), path, code);
}

/** The lines of a text, one after the other, however long the text is; see {@link decodeText}. */
export async function* textLines(
  chunks: AsyncIterable<Uint8Array>,
  name: string,
  options: TextOptions = {},
): AsyncGenerator<string> {
  for await (const block of textBlocks(chunks, name, options)) {
    yield* linesOf(block);
  }
}

/** Whole lines at a time. */
async function* textBlocks(
  chunks: AsyncIterable<Uint8Array>,
  name: string,
  options: TextOptions,
): AsyncGenerator<string> {
  const text = new TextBlocks(name, options);
  for await (const chunk of chunks) {
    const block = text.add(chunk);
    if (block !== '') yield block;
  }
  const rest = text.end();
  if (rest !== '') yield rest;
}

/** The lines of a text as a list. */
export function linesOf(text: string): string[] {
  const lines = text.split(LINE_BREAK);
  if (lines.at(-1) === '') lines.pop();
  return lines;
}

interface Encoding {
  readonly name: string;
  /** Bytes of a line feed, which is never a part of another character. */
  readonly unit: 1 | 2;
  readonly isBigEndian: boolean;
}

/** Decodes a text block by block. A block ends where a line does, so that each can be decoded alone. */
class TextBlocks {
  readonly #name: string;
  readonly #options: TextOptions;
  readonly #unmarked: Encoding;
  #encoding: Encoding | undefined;
  /** The beginning of a line. */
  #held: Uint8Array[] = [];
  #heldBytes = 0;
  /** Lines that were decoded. */
  #lines = 0;

  constructor(name: string, options: TextOptions) {
    this.#name = name;
    this.#options = options;
    this.#unmarked = encodingOf(options.encoding ?? 'utf-8');
  }

  /** The whole lines that there are now. */
  add(chunk: Uint8Array): string {
    if (!this.#encoding) {
      const start = this.#take(chunk);
      return start.length < MARK_BYTES ? this.#hold(start) : this.add(this.#begin(start));
    }
    // Characters that a chunk ends within are put together before they are looked at.
    const isWhole = this.#heldBytes % this.#encoding.unit === 0;
    const bytes = isWhole ? chunk : this.#take(chunk);
    const end = endOfLines(bytes, this.#encoding);
    if (end === 0) return this.#hold(bytes);
    const block = this.#take(bytes.subarray(0, end));
    this.#hold(bytes.subarray(end));
    return this.#decode(block, this.#encoding);
  }

  /** What is left. */
  end(): string {
    const rest = this.#take(new Uint8Array());
    const content = this.#encoding ? rest : this.#begin(rest);
    return this.#decode(content, this.#encoding!);
  }

  /** What is held, and more behind it. */
  #take(more: Uint8Array): Uint8Array {
    const bytes = this.#held.length === 0 ? more : Buffer.concat([...this.#held, more]);
    this.#held = [];
    this.#heldBytes = 0;
    return bytes;
  }

  #hold(bytes: Uint8Array): string {
    this.#held.push(bytes);
    this.#heldBytes += bytes.length;
    if (this.#heldBytes > MAX_LINE_BYTES)
      throw this.#error(
        `${this.#lines + 1}:1`,
        `a line of more than ${MAX_LINE_BYTES >> 20} MiB`,
        'is no text',
      );
    return '';
  }

  /** Finds the encoding; its mark is no part of the text. */
  #begin(start: Uint8Array): Uint8Array {
    const mark = MARKS.find(({ bytes }) => bytes.every((byte, i) => start[i] === byte));
    this.#encoding = mark ? encodingOf(mark.encoding) : this.#unmarked;
    return start.subarray(mark?.bytes.length ?? 0);
  }

  #decode(block: Uint8Array, encoding: Encoding): string {
    const text = decoded(block, encoding);
    if (text === undefined || !isText(text)) throw this.#fault(block, encoding);
    this.#lines += text.split(LINE_BREAK).length - 1;
    return text;
  }

  /** The error of the first line of a block that is no text. */
  #fault(block: Uint8Array, encoding: Encoding): RobleError {
    let rest = block;
    let number = this.#lines + 1;
    let line = rest.subarray(0, endOfFirstLine(rest, encoding));
    while (isText(decoded(line, encoding))) {
      rest = rest.subarray(line.length);
      line = rest.subarray(0, endOfFirstLine(rest, encoding));
      number += 1;
    }
    const { good, offset } = goodStart(line, encoding);
    const byte = line[offset];
    const what = byte === undefined ? 'the end of the text' : `the byte 0x${hex(byte)}`;
    const where =
      good === '' || this.#options.isSecret ? '' : `after ${JSON.stringify(good.slice(-SHOWN_BEFORE))}`;
    return this.#error(
      `${number}:${good.length + 1}`,
      what,
      `${where} is no text in ${encoding.name.toUpperCase()}`.trim(),
    );
  }

  /**
   * @param place line and column
   * @param problem of what was received there
   */
  #error(place: string, received: string, problem: string): RobleError {
    const { code = 'ROBLE_TEXT_INVALID', nextStep = 'Save the file as UTF-8.' } = this.#options;
    return new RobleError(code, `${this.#name}:${place}: ${received} ${problem}`, {
      received,
      expected: 'text in UTF-8, or in UTF-16 with a byte order mark',
      nextSteps: [nextStep],
    });
  }
}

const hex = (byte: number): string => byte.toString(16).toUpperCase().padStart(2, '0');

function encodingOf(label: string): Encoding {
  try {
    const { encoding } = new TextDecoder(label);
    const isWide = encoding.startsWith('utf-16');
    return { name: encoding, unit: isWide ? 2 : 1, isBigEndian: encoding === 'utf-16be' };
  } catch (cause) {
    throw new RobleError('ROBLE_USAGE', `The encoding "${label}" is not known.`, {
      received: label,
      expected:
        'a name of the Encoding Standard, such as utf-8, utf-16le, windows-1252, iso-8859-2, shift_jis, gbk or big5',
      cause,
    });
  }
}

function decoded(bytes: Uint8Array, { name }: Encoding, isBeginning = false): string | undefined {
  try {
    const decoder = new TextDecoder(name, { fatal: true, ignoreBOM: true });
    // Node 20 takes windows-1252 for ISO 8859-1, which has no "€", unless it decodes a stream.
    const text = decoder.decode(bytes, { stream: true });
    return isBeginning ? text : text + decoder.decode();
  } catch {
    return undefined;
  }
}

/** A zero is in files that are no text, and in UTF-16 that is taken for another encoding. */
const isText = (text: string | undefined): boolean => text !== undefined && !text.includes('\0');

/** The text before the first byte that is none, and the place of that byte. */
function goodStart(line: Uint8Array, encoding: Encoding): { good: string; offset: number } {
  const { name, unit } = encoding;
  // A character that is not complete is no fault in a stream.
  const beginning = (length: number) => decoded(line.subarray(0, length), encoding, true);
  let [low, high] = [0, line.length];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (isText(beginning(middle))) low = middle;
    else high = middle - 1;
  }
  const good = beginning(low) ?? '';
  if (name === 'utf-8') return { good, offset: Buffer.byteLength(good) };
  return { good, offset: unit === 2 ? 2 * good.length : low };
}

function unitAt(bytes: Uint8Array, at: number, { unit, isBigEndian }: Encoding): number {
  if (unit === 1) return bytes[at]!;
  const [first, second] = [bytes[at]!, bytes[at + 1]!];
  return isBigEndian ? (first << 8) | second : (second << 8) | first;
}

/** Behind the last line break of a chunk; a carriage return at its very end may have a line feed to come. */
function endOfLines(bytes: Uint8Array, encoding: Encoding): number {
  const { unit } = encoding;
  const whole = bytes.length - (bytes.length % unit);
  for (let at = whole - unit; at >= 0; at -= unit) {
    const found = unitAt(bytes, at, encoding);
    if (found === 0x0a || (found === 0x0d && at + unit < whole)) return at + unit;
  }
  return 0;
}

function endOfFirstLine(bytes: Uint8Array, encoding: Encoding): number {
  const { unit } = encoding;
  for (let at = 0; at + unit <= bytes.length; at += unit) {
    const found = unitAt(bytes, at, encoding);
    const next = at + 2 * unit <= bytes.length ? unitAt(bytes, at + unit, encoding) : undefined;
    if (found === 0x0a || (found === 0x0d && next !== 0x0a)) return at + unit;
  }
  return bytes.length;
}
