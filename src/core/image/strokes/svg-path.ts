import type { Stroke } from './rasterize.js';

/** Line pieces that stand for one cubic curve; glyphs are drawn small. */
const CURVE_PIECES = 8;

/**
 * The strokes of an SVG path that has only what single-stroke fonts use: absolute M, L, C and Z, where numbers behind
 * M go on as L.
 */
export function parsePath(path: string): Stroke[] {
  const strokes: [number, number][][] = [];
  let stroke: [number, number][] = [];
  for (const [, command, rest] of path.matchAll(/([MLCZ])([^MLCZ]*)/g)) {
    const numbers = (rest!.match(/-?\d*\.?\d+(?:e[-+]?\d+)?/g) ?? []).map(Number);
    if (command === 'M') {
      stroke = [];
      strokes.push(stroke);
    }
    if (command === 'Z' && stroke[0]) stroke.push([...stroke[0]]);
    if (command === 'C')
      for (let i = 0; i + 5 < numbers.length; i += 6) addCurve(stroke, numbers.slice(i, i + 6));
    else for (let i = 0; i + 1 < numbers.length; i += 2) stroke.push([numbers[i]!, numbers[i + 1]!]);
  }
  return strokes.filter(({ length }) => length > 0);
}

/** Appends a cubic Bezier curve that starts at the last point of the stroke. */
function addCurve(stroke: [number, number][], [x1, y1, x2, y2, x3, y3]: number[]): void {
  const [x0, y0] = stroke.at(-1) ?? [x1!, y1!];
  for (let piece = 1; piece <= CURVE_PIECES; piece++) {
    const t = piece / CURVE_PIECES;
    const s = 1 - t;
    const [a, b, c, d] = [s * s * s, 3 * s * s * t, 3 * s * t * t, t * t * t];
    stroke.push([a * x0 + b * x1! + c * x2! + d * x3!, a * y0 + b * y1! + c * y2! + d * y3!]);
  }
}
