/** A row of a CSV file, with the number of its first line from 1, or why that line is no row. */
export type CsvRow =
  | { readonly line: number; readonly fields: readonly string[] }
  | { readonly line: number; readonly problem: string };

export interface CsvHeader {
  readonly names: readonly string[];
  readonly delimiter: string;
}

/** What may separate fields, the most usual first. */
const DELIMITERS = [',', ';', '\t', '|'];
/** Lines after which an open quote counts as one that is never closed. */
const MAX_LINES = 1000;
const UNCLOSED = 'a quote is opened and never closed';
const CLOSED_EARLY = 'a quote is closed before the end of its field; within quotes it is written twice';

/**
 * The rows of a CSV file (RFC 4180). A bad row spoils no other: a quote that is never closed, or is closed too early, costs
 * one line. In a field that does not begin with a quote, quotes are ordinary characters. Blanks around fields and empty
 * lines are ignored.
 */
export class CsvRows {
  readonly #lines: LineQueue;

  constructor(lines: AsyncIterable<string>) {
    this.#lines = new LineQueue(lines);
  }

  /**
   * The first row. The delimiter is that of the caller, or of a first line such as `sep=;` (Excel), or the first one by which
   * the header fits, or else the one that gives most fields.
   *
   * @returns undefined for an empty file
   */
  async header(
    given: string | undefined,
    fits: (names: readonly string[]) => boolean,
  ): Promise<CsvHeader | undefined> {
    const [, named] = /^sep=(.)$/i.exec((await this.#first())?.trimEnd() ?? '') ?? [];
    if (named !== undefined) this.#lines.drop(1);
    const delimiters = given === undefined ? (named ?? DELIMITERS) : [given];
    if ((await this.#first()) === undefined) return undefined;
    const found = [];
    for (const delimiter of delimiters) {
      const { fields, used } = await readRow(this.#lines, delimiter);
      found.push({ names: fields, delimiter, used });
    }
    const most = Math.max(...found.map(({ names }) => names.length));
    const header =
      found.find(({ names }) => fits(names)) ?? found.find(({ names }) => names.length === most)!;
    this.#lines.drop(header.used);
    return header;
  }

  /** The rows after the header. */
  async *rows({ names, delimiter }: CsvHeader): AsyncGenerator<CsvRow> {
    while ((await this.#first()) !== undefined) {
      const line = this.#lines.number;
      const { fields, used, problem } = await readRow(this.#lines, delimiter);
      // A quote that another row's quote closes makes one row of several lines, with a wrong number of fields.
      const swallows = used > 1 && fields.length !== names.length;
      this.#lines.drop(problem === undefined && !swallows ? used : 1);
      if (problem === undefined && !swallows) yield { line, fields };
      else yield { line, problem: problem ?? UNCLOSED };
    }
  }

  /** The first line that is not empty. */
  async #first(): Promise<string | undefined> {
    while ((await this.#lines.at(0))?.trim() === '') this.#lines.drop(1);
    return this.#lines.at(0);
  }
}

/** Lines that can be looked at before they are taken. */
class LineQueue {
  readonly #source: AsyncIterator<string>;
  readonly #lines: string[] = [];
  /** The number of the first line, from 1. */
  number = 1;

  constructor(lines: AsyncIterable<string>) {
    this.#source = lines[Symbol.asyncIterator]();
  }

  async at(index: number): Promise<string | undefined> {
    while (this.#lines.length <= index) {
      const next = await this.#source.next();
      if (next.done) return undefined;
      this.#lines.push(next.value);
    }
    return this.#lines[index];
  }

  drop(count: number): void {
    this.#lines.splice(0, count);
    this.number += count;
  }
}

interface FoundRow {
  readonly fields: string[];
  /** How many lines it takes. */
  readonly used: number;
  readonly problem?: string;
}

/** The row at the start of a queue that is not empty. */
async function readRow(lines: LineQueue, delimiter: string): Promise<FoundRow> {
  const fields: string[] = [];
  let text = (await lines.at(0))!;
  let used = 1;
  for (let start = 0; ; ) {
    const quote = firstOf(text, start, delimiter);
    let end: number;
    if (text[quote] === '"') {
      const field = await readQuoted(lines, used, text, quote + 1);
      if (field === undefined) return { fields, used, problem: UNCLOSED };
      ({ text, used } = field);
      end = endOfField(text, field.end, delimiter);
      if (text.slice(field.end, end).trim() !== '') return { fields, used, problem: CLOSED_EARLY };
      fields.push(field.value);
    } else {
      end = endOfField(text, start, delimiter);
      fields.push(text.slice(start, end).trim());
    }
    if (end === text.length) return { fields, used };
    start = end + 1;
  }
}

/** A field from its first quote to its last one, which may be on a later line. */
async function readQuoted(lines: LineQueue, usedBefore: number, line: string, start: number) {
  let [value, text, used, at] = ['', line, usedBefore, start];
  for (;;) {
    const quote = text.indexOf('"', at);
    if (quote < 0) {
      const next = used < MAX_LINES ? await lines.at(used) : undefined;
      if (next === undefined) return undefined;
      value += `${text.slice(at)}\n`;
      [text, used, at] = [next, used + 1, 0];
    } else {
      value += text.slice(at, quote);
      if (text[quote + 1] !== '"') return { value, text, used, end: quote + 1 };
      value += '"';
      at = quote + 2;
    }
  }
}

/** The index of the first character that is not blank. */
function firstOf(text: string, start: number, delimiter: string): number {
  let at = start;
  while (text[at] === ' ' || (text[at] === '\t' && delimiter !== '\t')) at++;
  return at;
}

function endOfField(text: string, start: number, delimiter: string): number {
  const end = text.indexOf(delimiter, start);
  return end < 0 ? text.length : end;
}
