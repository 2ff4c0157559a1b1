import { type Preprocessing, paperValue } from '../settings.js';
import { type PackedDrawing, PenDrawing } from './packed.js';
import { type Canvas, drawStrokes, type Stroke } from './rasterize.js';

/** Side of the square that a character fills in a frame of 28 pixels, as in MNIST. */
const INK_SHARE = 20 / 28;
/** A pen line in a frame of 28 pixels. */
const LINE_SHARE = 2 / 28;

export interface Box {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** The smallest upright box around all points. */
export function boxOf(strokes: readonly Stroke[]): Box {
  let left = Infinity;
  let top = Infinity;
  let right = -Infinity;
  let bottom = -Infinity;
  for (const stroke of strokes)
    for (const [x, y] of stroke) {
      left = Math.min(left, x);
      right = Math.max(right, x);
      top = Math.min(top, y);
      bottom = Math.max(bottom, y);
    }
  return { left, top, width: right - left, height: bottom - top };
}

/**
 * Scales and centres strokes in a frame: the longer side of a character fills 20 of 28 pixels, but a mark that is small
 * compared with the writer's other characters stays small: scale = side / max(width, height, unit / 2).
 *
 * @param unit the usual size of a character by the same hand, in the units of the strokes; 0 if it is not known
 */
export function fitStrokes(
  strokes: readonly Stroke[],
  unit: number,
  frame: { readonly width: number; readonly height: number },
): Stroke[] {
  const box = boxOf(strokes);
  const side = INK_SHARE * Math.min(frame.width, frame.height);
  const size = Math.max(box.width, box.height, unit / 2);
  const scale = size > 0 ? side / size : 1;
  const offsetX = frame.width / 2 - scale * (box.left + box.width / 2);
  const offsetY = frame.height / 2 - scale * (box.top + box.height / 2);
  return strokes.map((stroke) => stroke.map(([x, y]) => [scale * x + offsetX, scale * y + offsetY] as const));
}

/**
 * The canvas of a model's input.
 *
 * @param pen width of the pen, in shares of the usual width of a line
 */
export function canvasFor({ width, height }: Pick<Preprocessing, 'width' | 'height'>, pen = 1): Canvas {
  // Below one pixel a line fades instead of getting thinner.
  const usual = Math.max(1, LINE_SHARE * Math.min(width, height));
  return { width, height, lineWidth: Math.max(1, pen * usual) };
}

/**
 * Strokes as the pixels that a model sees.
 *
 * @returns uint8, [height, width, channels]
 */
export function drawingToPixels(packed: PackedDrawing, preprocessing: Preprocessing): Uint8Array {
  const { width, height, channels } = preprocessing;
  const drawing = new PenDrawing().unpack(packed, preprocessing);
  const ink = new Uint8Array(width * height);
  drawStrokes(ink, canvasFor(preprocessing, drawing.width), drawing);
  if (channels === 1 && !isLight(paperValue(preprocessing))) return ink;
  const pixels = new Uint8Array(ink.length * channels);
  layInk(ink, { channels, data: pixels }, paperValue(preprocessing));
  return pixels;
}

/**
 * Puts a drawing, white on black, into a picture. Drawings have no paper, so they take the one that the model expects: light
 * ink on a dark ground, or dark ink if its ground is light.
 *
 * @param ink uint8, [height, width]
 * @param picture uint8, [height, width, channels]
 * @param paper value of the paper in the pictures that the model sees
 */
export function layInk(
  ink: Uint8Array,
  { channels, data }: { readonly channels: number; readonly data: Uint8Array },
  paper: number,
): void {
  const flip = isLight(paper) ? 255 : 0;
  for (let i = 0, out = 0; i < ink.length; i++) {
    const value = ink[i]! ^ flip;
    for (let c = 0; c < channels; c++) data[out++] = value;
  }
}

const isLight = (paper: number): boolean => paper > 127;
