/** A pen's way from touching the paper to leaving it: points [x, y], y down. One point is a dot. */
export type Stroke = readonly (readonly [number, number])[];

export interface Canvas {
  /** Pixels. */
  readonly width: number;
  /** Pixels. */
  readonly height: number;
  /** Width of the line in pixels, the same everywhere. */
  readonly lineWidth: number;
}

/**
 * Draws strokes, given in pixels of the canvas, white on black: round caps and joins, one pixel of anti-aliasing. A
 * pixel's value follows from the distance of its centre to the nearest segment, so overlapping strokes do not add up,
 * as on a canvas where every stroke is opaque.
 *
 * @returns uint8, [height, width]; 0 is paper, 255 is ink.
 */
export function rasterizeStrokes(strokes: readonly Stroke[], canvas: Canvas): Uint8Array {
  const pixels = new Uint8Array(canvas.width * canvas.height);
  for (const stroke of strokes) {
    let from = stroke[0];
    if (from && stroke.length === 1) drawSegment(pixels, canvas, from, from);
    for (let i = 1; i < stroke.length; i++) {
      const to = stroke[i]!;
      drawSegment(pixels, canvas, from!, to);
      from = to;
    }
  }
  return pixels;
}

function drawSegment(
  pixels: Uint8Array,
  { width, height, lineWidth }: Canvas,
  [x0, y0]: readonly [number, number],
  [x1, y1]: readonly [number, number],
): void {
  // Coverage falls from 1 to 0 over the pixel that the edge of the line crosses.
  const reach = lineWidth / 2 + 0.5;
  const left = Math.max(0, Math.ceil(Math.min(x0, x1) - reach - 0.5));
  const right = Math.min(width - 1, Math.floor(Math.max(x0, x1) + reach - 0.5));
  const top = Math.max(0, Math.ceil(Math.min(y0, y1) - reach - 0.5));
  const bottom = Math.min(height - 1, Math.floor(Math.max(y0, y1) + reach - 0.5));
  const dx = x1 - x0;
  const dy = y1 - y0;
  const squaredLength = dx * dx + dy * dy;
  for (let y = top; y <= bottom; y++) {
    for (let x = left; x <= right; x++) {
      const px = x + 0.5 - x0;
      const py = y + 0.5 - y0;
      const along = squaredLength === 0 ? 0 : Math.min(1, Math.max(0, (px * dx + py * dy) / squaredLength));
      const ex = px - along * dx;
      const ey = py - along * dy;
      const coverage = reach - Math.sqrt(ex * ex + ey * ey);
      if (coverage <= 0) continue;
      const value = coverage >= 1 ? 255 : Math.round(255 * coverage);
      if (value > pixels[y * width + x]!) pixels[y * width + x] = value;
    }
  }
}
