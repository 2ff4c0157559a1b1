/** How long lines collect after others were written. */
const COLLECT_MS = 20;
/** So many characters are written without waiting. */
const MOST_CHARACTERS = 16_384;

/**
 * Writes lines that come one after another together: a write costs a busy server more than all else of a line. A line
 * after a pause is written at once.
 */
export class LineCollector {
  readonly #write: (lines: string) => void;
  #lines = '';
  #timer: NodeJS.Timeout | undefined;

  constructor(write: (lines: string) => void) {
    this.#write = write;
  }

  /** @param line with its line break */
  add(line: string): void {
    this.#lines += line;
    if (this.#timer && this.#lines.length < MOST_CHARACTERS) return;
    this.flush();
    if (!this.#timer) this.#collect();
  }

  /** Writes what waits. */
  flush(): void {
    const lines = this.#lines;
    this.#lines = '';
    if (lines !== '') this.#write(lines);
  }

  #collect(): void {
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (this.#lines === '') return;
      this.flush();
      this.#collect();
    }, COLLECT_MS).unref();
  }
}
