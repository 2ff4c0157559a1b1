import fc from 'fast-check';
import { expect, it } from 'vitest';
import { openFrames } from './frames.js';

const ESCAPE = '\u001b';
const COMMAND = new RegExp(`${ESCAPE}\\[(\\d*|\\?7|\\?25)([AJlh])`);

/** The part of a terminal that frames use: it wraps lines anew when its width changes. It is high enough for all. */
class Terminal {
  columns = 40;
  readonly rows = 10_000;
  /** As they were written, unwrapped. */
  lines = ['$ roble train', ''];
  #cursor = 1;
  #wraps = true;

  write(data: string): void {
    const parts = data.split(COMMAND);
    for (let i = 0; i < parts.length; i += 3) {
      this.#print(parts[i]!);
      const [value, command] = [parts[i + 1], parts[i + 2]];
      if (command === 'A') this.#goUp(Number(value));
      if (command === 'J') this.lines = [...this.lines.slice(0, this.#cursor), ''];
      if (value === '?7') this.#wraps = command === 'h';
    }
  }

  #print(text: string): void {
    const [first = '', ...more] = text.replaceAll('\r', '').split('\n');
    for (const [i, line] of [first, ...more].entries()) {
      if (i > 0) this.#cursor++;
      const shown = this.#wraps ? line : line.slice(0, this.columns);
      this.lines[this.#cursor] = shown + (this.lines[this.#cursor] ?? '').slice(shown.length);
    }
  }

  #goUp(rows: number): void {
    let left = rows;
    while (left > 0) left -= Math.max(1, Math.ceil(this.lines[--this.#cursor]!.length / this.columns));
    // Between the rows of one line, its first part would stay on the screen.
    expect(left).toBe(0);
  }
}

it('leaves the last frame only, cut to the width, below what was there before, however the width changes', () => {
  const frame = fc.record({
    columns: fc.integer({ min: 1, max: 60 }),
    lines: fc.array(fc.string({ unit: fc.constantFrom('a', ' ', '█'), maxLength: 60 }), { maxLength: 12 }),
  });
  fc.assert(
    fc.property(fc.array(frame, { minLength: 1 }), (drawn) => {
      const terminal = new Terminal();
      const frames = openFrames(terminal as unknown as NodeJS.WriteStream);
      for (const { columns, lines } of drawn) {
        terminal.columns = columns;
        frames.draw(lines);
      }
      frames.close();
      const { columns, lines } = drawn.at(-1)!;
      expect(terminal.lines).toEqual(['$ roble train', ...lines.map((line) => line.slice(0, columns)), '']);
    }),
  );
});

it('shows the cursor again, and waits for the end of the process no longer', () => {
  const written: string[] = [];
  const stream = { columns: 80, rows: 24, write: (text: string) => written.push(text) };
  const before = process.listenerCount('exit');
  const frames = openFrames(stream as unknown as NodeJS.WriteStream);
  expect(process.listenerCount('exit')).toBe(before + 1);
  frames.close();
  expect(process.listenerCount('exit')).toBe(before);
  expect(written).toEqual(['\u001b[?25l', '\u001b[?25h']);
});
