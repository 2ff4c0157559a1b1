import type { Preprocessing } from '../settings.js';
import { drawingToPixels, fitStrokes } from './frame.js';
import { type PackedDrawing, packDrawing } from './packed.js';
import type { Stroke } from './rasterize.js';

/** A drawing from outside: from a file of strokes, or from a canvas in a browser. */
export interface DrawingInput {
  /** In any units, y down. */
  readonly strokes: readonly Stroke[];
  /** Usual size of a character by the same hand, in the units of the points; default: the size of this drawing. */
  readonly unit?: number;
}

/**
 * Why a value is not a {@link DrawingInput}; undefined if it is one. Written by hand, because a schema library takes longer for
 * a hundred points than drawing them does.
 */
export function drawingProblem({ strokes, unit }: Readonly<Record<string, unknown>>): string | undefined {
  if (!Array.isArray(strokes) || !strokes.every(isStroke)) return '"strokes" is not lists of [x, y]';
  if (!strokes.some((stroke) => stroke.length > 0)) return '"strokes" has no point';
  if (unit !== undefined && !(Number.isFinite(unit) && (unit as number) >= 0)) return '"unit" is not a size';
  return undefined;
}

function isStroke(value: unknown): value is Stroke {
  return (
    Array.isArray(value) &&
    value.every((point) => Array.isArray(point) && Number.isFinite(point[0]) && Number.isFinite(point[1]))
  );
}

/**
 * A drawing as the picture that a model sees: fitted into the frame and drawn with the usual pen. Import, synthesis and the
 * server all draw in this way, so that strokes from a browser look like those that the model was trained on.
 *
 * @returns `pixels`: uint8, [height, width, channels]; `strokes`: those that they were drawn from
 * @throws {RobleError} `ROBLE_STROKES_INVALID` for more strokes or points than can be packed
 */
export function pictureOfDrawing(
  { strokes, unit = 0 }: DrawingInput,
  preprocessing: Preprocessing,
): { readonly pixels: Uint8Array; readonly strokes: PackedDrawing } {
  const drawn = strokes.filter(({ length }) => length > 0);
  const packed = packDrawing(fitStrokes(drawn, unit, preprocessing), preprocessing);
  return { pixels: drawingToPixels(packed, preprocessing), strokes: packed };
}
