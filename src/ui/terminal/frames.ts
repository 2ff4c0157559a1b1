import { stripVTControlCharacters } from 'node:util';

const HIDE_CURSOR = '\u001b[?25l';
const SHOW_CURSOR = '\u001b[?25h';
/** A line that is too wide by a character that takes two columns is cut by the terminal, not wrapped. */
const WRAP_OFF = '\u001b[?7l';
const WRAP_ON = '\u001b[?7h';
const ERASE_BELOW = '\u001b[J';
const up = (rows: number) => (rows > 0 ? `\u001b[${rows}A` : '');

export interface Frames {
  /** Draws lines, fewer than the terminal has rows, where those of the last frame were. */
  draw(lines: readonly string[]): void;
  /** Leaves the last frame on the screen. */
  close(): void;
}

/**
 * Frames that are drawn over one another on a terminal that may be resized between them.
 *
 * Ink's own writer is not used: it goes up by the lines that it wrote, while a terminal that got narrower has wrapped
 * them into more rows, and when a terminal gets lower than the frame it clears all that one could scroll back to.
 */
export function openFrames(stream: NodeJS.WriteStream): Frames {
  /** The widths of the lines on the screen. */
  let shown: readonly number[] = [];
  let rowsBefore = stream.rows;
  let isBuried = false;
  const showCursor = () => stream.write(SHOW_CURSOR);
  // The second Ctrl-C ends the process on the spot.
  process.once('exit', showCursor);
  stream.write(HIDE_CURSOR);
  return {
    draw(lines) {
      const { rows } = stream;
      // Of a terminal that does not say its size, wrapped lines cannot be counted.
      const columns = stream.columns || Number.POSITIVE_INFINITY;
      const taken = rowsOf(shown, columns);
      // What a lower terminal has pushed out at its top comes back when it gets higher, by an unknown number of rows.
      const above = isBuried && rows > rowsBefore ? rows : taken;
      isBuried ||= taken >= rows;
      const frame = lines.map((line) => `${line}\n`).join('');
      stream.write(`${up(above)}\r${ERASE_BELOW}${WRAP_OFF}${frame}${WRAP_ON}`);
      shown = lines.map((line) => Math.min(columns, stripVTControlCharacters(line).length));
      rowsBefore = rows;
    },
    close() {
      process.off('exit', showCursor);
      showCursor();
    },
  };
}

/** How many rows lines of these widths take on a terminal that wraps them. */
function rowsOf(widths: readonly number[], columns: number): number {
  return widths.reduce((rows, width) => rows + Math.max(1, Math.ceil(width / columns)), 0);
}
