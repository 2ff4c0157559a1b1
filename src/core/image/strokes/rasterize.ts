/** The path of a pen from touching the paper to leaving it: points [x, y], y down. One point is a dot. */
export type Stroke = readonly (readonly [number, number])[];

export interface Canvas {
  /** Pixels. */
  readonly width: number;
  /** Pixels. */
  readonly height: number;
  /** Width of the line in pixels, the same everywhere. */
  readonly lineWidth: number;
}

/** Strokes as typed arrays, which may be longer than their content. */
export interface PenLines {
  /** Points of all strokes in pixels, one stroke after the other. */
  readonly xs: Float64Array;
  readonly ys: Float64Array;
  /** The index after the last point of each stroke. */
  readonly ends: Int32Array;
  /** The number of strokes. */
  readonly strokes: number;
}

/**
 * Draws strokes, given in pixels of the canvas, white on black: round caps and joins, one pixel of anti-aliasing. A
 * pixel's value depends on the distance of its centre from the nearest segment, so that overlapping strokes do not add up, as on
 * a canvas with opaque strokes.
 *
 * @param pixels uint8, [height, width]; 0 is paper, 255 is ink
 */
export function drawStrokes(pixels: Uint8Array, canvas: Canvas, { xs, ys, ends, strokes }: PenLines): void {
  let point = 0;
  for (let stroke = 0; stroke < strokes; stroke++) {
    const end = ends[stroke]!;
    if (end - point === 1) drawSegment(pixels, canvas, xs[point]!, ys[point]!, xs[point]!, ys[point]!);
    for (point += 1; point < end; point++)
      drawSegment(pixels, canvas, xs[point - 1]!, ys[point - 1]!, xs[point]!, ys[point]!);
    point = end;
  }
}

/**
 * Draws one straight piece of a line with round caps into `pixels`, like {@link drawStrokes}; a piece without length is a dot.
 */
export function drawSegment(
  pixels: Uint8Array,
  { width, height, lineWidth }: Canvas,
  x0: number,
  y0: number,
  x1: number,
  y1: number,
): void {
  // Coverage falls from 1 to 0 over the pixel that the edge of the line crosses.
  const reach = lineWidth / 2 + 0.5;
  const full = Math.max(0, reach - 1) ** 2;
  const none = reach * reach;
  const left = Math.max(0, Math.ceil(Math.min(x0, x1) - reach - 0.5)) | 0;
  const right = Math.min(width - 1, Math.floor(Math.max(x0, x1) + reach - 0.5)) | 0;
  const top = Math.max(0, Math.ceil(Math.min(y0, y1) - reach - 0.5)) | 0;
  const bottom = Math.min(height - 1, Math.floor(Math.max(y0, y1) + reach - 0.5)) | 0;
  const dx = x1 - x0;
  const dy = y1 - y0;
  const squaredLength = dx * dx + dy * dy;
  const perLength = squaredLength === 0 ? 0 : 1 / squaredLength;
  for (let y = top; y <= bottom; y++) {
    const py = y + 0.5 - y0;
    const start = Math.imul(y, width);
    for (let x = left; x <= right; x++) {
      const px = x + 0.5 - x0;
      let along = (px * dx + py * dy) * perLength;
      if (along < 0) along = 0;
      else if (along > 1) along = 1;
      const ex = px - along * dx;
      const ey = py - along * dy;
      const squared = ex * ex + ey * ey;
      if (squared >= none) continue;
      const value = squared <= full ? 255 : (255 * (reach - Math.sqrt(squared)) + 0.5) | 0;
      if (value > pixels[start + x]!) pixels[start + x] = value;
    }
  }
}
