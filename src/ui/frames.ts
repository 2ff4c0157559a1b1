import { stripVTControlCharacters } from 'node:util';

const HIDE_CURSOR = '\u001b[?25l';
const SHOW_CURSOR = '\u001b[?25h';
const ERASE_BELOW = '\u001b[J';
const up = (rows: number) => (rows > 0 ? `\u001b[${rows}A` : '');

export interface Frames {
  /** Draws lines, none wider than the terminal and fewer than its rows, where those of the last frame were. */
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
  let shown: readonly string[] = [];
  let rowsBefore = stream.rows;
  let isBuried = false;
  const showCursor = () => stream.write(SHOW_CURSOR);
  // The second Ctrl-C ends the process on the spot.
  process.once('exit', showCursor);
  stream.write(HIDE_CURSOR);
  return {
    draw(lines) {
      const { columns, rows } = stream;
      const taken = rowsOf(shown, columns);
      // What a lower terminal has pushed out at its top comes back when it gets higher, and nobody knows how much.
      const above = isBuried && rows > rowsBefore ? rows : taken;
      isBuried ||= taken >= rows;
      stream.write(`${up(above)}\r${ERASE_BELOW}${lines.map((line) => `${line}\n`).join('')}`);
      shown = lines;
      rowsBefore = rows;
    },
    close() {
      process.off('exit', showCursor);
      showCursor();
    },
  };
}

/** How many rows lines take on a terminal that wraps them. */
function rowsOf(lines: readonly string[], columns: number): number {
  return lines.reduce((rows, line) => {
    const width = stripVTControlCharacters(line).length;
    return rows + Math.max(1, columns ? Math.ceil(width / columns) : 1);
  }, 0);
}
