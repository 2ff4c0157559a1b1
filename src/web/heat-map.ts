import { paintPixels } from './answer-view.js';
import { percent } from './elements.js';
import type { Explanation, ModelInput } from './server.js';

/**
 * The scale viridis (Smith and van der Walt, 2015): lighter is warmer, also in grey and to those who do not tell red from
 * green. The legend in style.css has the same colours.
 */
const SCALE = [
  [68, 1, 84],
  [59, 82, 139],
  [33, 145, 140],
  [94, 201, 98],
  [253, 231, 37],
] as const;
/** So that the picture is seen through the colours. */
const OPACITY = 0.7;
/** Of the longer side of the canvas. */
const SIDE = 448;
/** Smaller falls than this are no place to name, and shall not look warm. */
const SLIGHT = 0.05;

/** The colour of a heat 0..1. */
function colourOf(heat: number): readonly [red: number, green: number, blue: number] {
  const at = heat * (SCALE.length - 1);
  const below = Math.min(Math.floor(at), SCALE.length - 2);
  const mix = (channel: 0 | 1 | 2) =>
    SCALE[below]![channel] + (at - below) * (SCALE[below + 1]![channel] - SCALE[below]![channel]);
  return [mix(0), mix(1), mix(2)];
}

function largestFall({ falls }: Explanation): number {
  return Math.max(0, ...falls.flat());
}

/** The fall at the warm end of the scale. */
export function warmestFall(explanation: Explanation): number {
  return Math.max(SLIGHT, largestFall(explanation));
}

/** Paints the falls of an explanation over what the model saw, in grey. */
export function paintHeatMap(canvas: HTMLCanvasElement, explanation: Explanation, input: ModelInput): void {
  const scale = SIDE / Math.max(input.width, input.height);
  canvas.width = Math.round(input.width * scale);
  canvas.height = Math.round(input.height * scale);
  const context = canvas.getContext('2d')!;
  const picture = document.createElement('canvas');
  paintPixels(picture, input);
  context.filter = 'grayscale(1)';
  context.imageSmoothingEnabled = scale < 4;
  context.drawImage(picture, 0, 0, canvas.width, canvas.height);
  context.filter = 'none';
  context.globalAlpha = OPACITY;
  context.imageSmoothingEnabled = true;
  context.drawImage(cellsOf(explanation), 0, 0, canvas.width, canvas.height);
}

/** A pixel for each cell. */
function cellsOf(explanation: Explanation): HTMLCanvasElement {
  const { falls } = explanation;
  const warmest = warmestFall(explanation);
  const canvas = document.createElement('canvas');
  canvas.width = falls[0]!.length;
  canvas.height = falls.length;
  const cells = new ImageData(canvas.width, canvas.height);
  for (const [i, fall] of falls.flat().entries())
    cells.data.set([...colourOf(Math.max(0, fall) / warmest), 255], 4 * i);
  canvas.getContext('2d')!.putImageData(cells, 0, 0);
  return canvas;
}

/** What a heat map shows, for those who do not see it. */
export function describeHeatMap(explanation: Explanation): string {
  const { class: name, probability, falls } = explanation;
  const most = largestFall(explanation);
  if (most < SLIGHT)
    return `“${name}” stands on no single place: its probability of ${percent(probability)} falls by no more than ${points(most)} points, wherever a place is covered.`;
  const row = falls.findIndex((values) => values.includes(most));
  const column = falls[row]!.indexOf(most);
  const place = placeOf(row / (falls.length - 1 || 1), column / (falls[row]!.length - 1 || 1));
  return `“${name}” stands most on the ${place}: covered there, its probability falls from ${percent(probability)} to ${percent(Math.max(0, probability - most))}.`;
}

/** A difference of probabilities in percentage points. */
export function points(difference: number): string {
  return (100 * difference).toFixed(1);
}

/** @param down 0 at the top, 1 at the bottom. @param right 0 at the left, 1 at the right */
function placeOf(down: number, right: number): string {
  const third = (share: number) => Math.min(2, Math.floor(3 * share)) as 0 | 1 | 2;
  const vertical = ['top', '', 'bottom'][third(down)]!;
  const horizontal = ['left', '', 'right'][third(right)]!;
  return [vertical, horizontal].filter(Boolean).join(' ') || 'middle';
}
