/** The bit of a dot in a braille character, by its row and column; Unicode 16.0, block U+2800. */
const BRAILLE_BITS = [
  [0x01, 0x08],
  [0x02, 0x10],
  [0x04, 0x20],
  [0x40, 0x80],
] as const;
const BRAILLE_BLANK = 0x2800;

interface Cell {
  bits: number;
  /** The series that drew here last. */
  series: number;
}

/**
 * A grid of characters to draw lines on: `braille` has 2 x 4 dots in each character, `signs` shows one sign of the
 * series in each.
 */
export class DotCanvas {
  readonly #cells = new Map<number, Cell>();
  readonly #columns: number;
  readonly #rows: number;
  readonly #style: 'braille' | 'signs';

  constructor(columns: number, rows: number, style: 'braille' | 'signs') {
    this.#columns = columns;
    this.#rows = rows;
    this.#style = style;
  }

  /** Joins points whose coordinates run from 0 (left, top) to 1. A single point is a dot. */
  polyline(points: readonly (readonly [number, number])[], series: number): void {
    const [wide, high] = this.#style === 'braille' ? [2, 4] : [1, 1];
    const places = points.map(([x, y]) => [
      Math.round(x * (this.#columns * wide - 1)),
      Math.round(y * (this.#rows * high - 1)),
    ]);
    for (const [i, [x, y]] of places.entries()) {
      const [fromX, fromY] = places[i - 1] ?? [x, y];
      const dots = Math.max(1, Math.abs(x! - fromX!), Math.abs(y! - fromY!));
      for (let dot = 0; dot <= dots; dot++) {
        const share = dot / dots;
        this.#dot(
          Math.round(fromX! + (x! - fromX!) * share),
          Math.round(fromY! + (y! - fromY!) * share),
          series,
        );
      }
    }
  }

  #dot(x: number, y: number, series: number): void {
    const [column, row, bit] =
      this.#style === 'braille' ? [x >> 1, y >> 2, BRAILLE_BITS[y & 3]![x & 1]!] : [x, y, 0];
    const index = row * this.#columns + column;
    const cell = this.#cells.get(index);
    this.#cells.set(index, { bits: (cell?.bits ?? 0) | bit, series });
  }

  /** The rows of the picture, each character as `paint` colours it for its series. */
  rows(signs: readonly string[], paint: (series: number, text: string) => string): string[] {
    return Array.from({ length: this.#rows }, (_, row) =>
      Array.from({ length: this.#columns }, (_, column) => {
        const cell = this.#cells.get(row * this.#columns + column);
        if (!cell) return ' ';
        const text =
          this.#style === 'braille'
            ? String.fromCodePoint(BRAILLE_BLANK + cell.bits)
            : signs[cell.series % signs.length]!;
        return paint(cell.series, text);
      }).join(''),
    );
  }
}
