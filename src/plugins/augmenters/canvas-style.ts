import { z } from 'zod';
import {
  type AugmenterFactory,
  type AugmenterInstance,
  type DrawnValues,
  drawSegment,
  type ImageView,
  type Random,
} from '../../core/plugin/index.js';
import { type Box, background, inkBox, share } from './picture.js';

const parameters = z.strictObject({
  thinnest: share(0.5, 0.065, 'Smallest width of the line, as a share of the shorter side.'),
  thickest: share(0.5, 0.12, 'Largest width of the line, as a share of the shorter side.'),
  scale: share(4, 0.2, 'Largest change of size: 0.25 is from 1/1.25 to 1.25 times.'),
  shift: share(1, 0.07, 'Largest way off the middle along each side, as a share of it.'),
  wobble: share(0.2, 0.03, 'Largest way of a point off its line, as a share of the shorter side.'),
  dotted: share(1, 0.1, 'Share of the pictures with a part of their line in dots, as from a fast mouse.'),
  background,
});
type Parameters = z.output<typeof parameters>;

/**
 * Draws the picture again as a browser's canvas would have it: lines are thinned to their middle, moved as a mouse
 * moves them (a tremble, a drawing too large, too small or off-centre), and drawn with one width, round caps and
 * anti-aliasing, by the code that draws the strokes of data sets too.
 */
export const plugin: AugmenterFactory<Parameters> = {
  name: 'canvas-style',
  version: 1,
  description: 'Redraws lines as on a browser canvas: one width, round caps, a jittery hand.',
  parameters,
  create: () => new CanvasStyle(),
};

function drawValues(random: Random, limits: Parameters) {
  const { thinnest, thickest } = limits;
  return {
    lineWidth: random.uniform(Math.min(thinnest, thickest), thickest),
    scale: (1 + limits.scale) ** random.uniform(-1, 1),
    shiftX: limits.shift * random.uniform(-1, 1),
    shiftY: limits.shift * random.uniform(-1, 1),
    wobble: limits.wobble * random.float(),
    /** 1: the mouse is fast on one side of a line through the picture, at an angle (degrees) and a share of the side. */
    dotted: random.float() < limits.dotted ? 1 : 0,
    dottedAngle: random.uniform(0, 360),
    dottedFrom: random.uniform(-0.2, 0.2),
  };
}
type Values = ReturnType<typeof drawValues>;
type Canvas = { readonly width: number; readonly height: number; readonly lineWidth: number };

/** Ink is what has this share of the strongest ink. */
const INK_SHARE = 0.4;
/** Cells of the tremble's grid along a side. */
const CELLS = 5;
/** Distance of the dots of a fast mouse, in widths of the line. */
const DOT_SPACING = 1.15;

class CanvasStyle implements AugmenterInstance<Parameters> {
  readonly #skeletonizer = new Skeletonizer();
  /** How far each pixel is from the paper, and whether it is ink, both with a border of one empty pixel on every side. */
  #strength = new Uint8Array(0);
  #mask = new Uint8Array(0);
  /** The pixels of the ink, then of its skeleton, whose pixels are the points of the line; counted with the border. */
  #ink = new Int32Array(0);
  /** Of each pixel with the border: the number of its point. */
  #pointAt = new Int32Array(0);
  #pointXs = new Float64Array(0);
  #pointYs = new Float64Array(0);
  /** Displacements of the tremble's grid: x and y in turn. */
  readonly #nodes = new Float64Array(2 * (CELLS + 1) ** 2 + 2);
  #drawing = new Uint8Array(0);

  apply(source: ImageView, target: ImageView, random: Random, limits: Parameters): DrawnValues {
    const values = drawValues(random, limits);
    const paper = limits.background;
    const inkCount = this.#findInk(source, paper);
    const count = this.#skeletonizer.skeletonize(this.#mask, source.width + 2, this.#ink, inkCount);
    this.#placePoints(source, count, values, random);
    this.#drawPoints(source, count, values);
    this.#putDrawing(target, paper);
    return values;
  }

  /**
   * Fills `strength` with how far each pixel is from the paper, `mask` with where that is ink, and `ink` with the
   * pixels of the ink. Gives how many there are.
   */
  #findInk(source: ImageView, paper: number): number {
    const box = inkBox(source, paper);
    const stride = source.width + 2;
    this.#clear(stride * (source.height + 2));
    const threshold = Math.max(1, INK_SHARE * this.#measureStrength(source, paper, box));
    const strength = this.#strength;
    const mask = this.#mask;
    const ink = this.#ink;
    let count = 0;
    for (let y = box.top + 1; y <= box.bottom; y++)
      for (let pixel = y * stride + box.left + 1, end = pixel + box.right - box.left; pixel < end; pixel++) {
        if (strength[pixel]! < threshold) continue;
        mask[pixel] = 1;
        ink[count++] = pixel;
      }
    return count;
  }

  #clear(size: number): void {
    if (this.#strength.length === size) {
      this.#strength.fill(0);
      this.#mask.fill(0);
      return;
    }
    this.#strength = new Uint8Array(size);
    this.#mask = new Uint8Array(size);
    this.#ink = new Int32Array(size);
    this.#pointAt = new Int32Array(size);
    this.#pointXs = new Float64Array(size);
    this.#pointYs = new Float64Array(size);
  }

  /** Of several channels the one with most ink counts. Gives the largest strength. */
  #measureStrength({ width, channels, data }: ImageView, paper: number, box: Box): number {
    const out = this.#strength;
    let strongest = 0;
    for (let y = box.top; y < box.bottom; y++) {
      let to = (y + 1) * (width + 2) + box.left + 1;
      let from = (y * width + box.left) * channels;
      for (let x = box.left; x < box.right; x++) {
        let value = 0;
        for (let c = 0; c < channels; c++) value = Math.max(value, Math.abs(data[from++]! - paper));
        strongest = Math.max(strongest, value);
        out[to++] = value;
      }
    }
    return strongest;
  }

  /** Fills the points: each pixel of the thin line, as exactly as the grey levels around it say, moved by the values. */
  #placePoints(
    { width, height }: ImageView,
    count: number,
    { scale, shiftX, shiftY, wobble }: Values,
    random: Random,
  ): void {
    this.#drawNodes(random, wobble * Math.min(width, height));
    const strength = this.#strength;
    const ink = this.#ink;
    const pointAt = this.#pointAt;
    const pointXs = this.#pointXs;
    const pointYs = this.#pointYs;
    const stride = width + 2;
    const startX = width / 2 + shiftX * width;
    const startY = height / 2 + shiftY * height;
    for (let i = 0; i < count; i++) {
      const pixel = ink[i]!;
      pointAt[pixel] = i;
      const row = (pixel / stride) | 0;
      const above = pixel - stride;
      const below = pixel + stride;
      const left = strength[above - 1]! + strength[pixel - 1]! + strength[below - 1]!;
      const right = strength[above + 1]! + strength[pixel + 1]! + strength[below + 1]!;
      const upper = strength[above - 1]! + strength[above]! + strength[above + 1]!;
      const lower = strength[below - 1]! + strength[below]! + strength[below + 1]!;
      const all = upper + lower + strength[pixel - 1]! + strength[pixel]! + strength[pixel + 1]!;
      const x = pixel - row * stride - 0.5 + (right - left) / all;
      const y = row - 0.5 + (lower - upper) / all;
      const u = (x / width) * CELLS;
      const v = (y / height) * CELLS;
      pointXs[i] = startX + scale * (x - width / 2) + this.#trembleAt(u, v, 0);
      pointYs[i] = startY + scale * (y - height / 2) + this.#trembleAt(u, v, 1);
    }
  }

  /** Uniform in [-1, 1] times the reach, in 256 steps: so four of them come from one random word. */
  #drawNodes(random: Random, reach: number): void {
    const nodes = this.#nodes;
    const step = reach / 127.5;
    for (let i = 0, word = 0; i < nodes.length; i++) {
      word = (i & 3) === 0 ? random.uint32() : word >>> 8;
      nodes[i] = ((word & 255) - 127.5) * step;
    }
  }

  /** The displacement at a place of the grid, between its four nodes; `axis` 0: to the right, 1: down. */
  #trembleAt(u: number, v: number, axis: number): number {
    const nodes = this.#nodes;
    const column = Math.min(CELLS - 1, u | 0);
    const row = Math.min(CELLS - 1, v | 0);
    const fx = u - column;
    const fy = v - row;
    const i = 2 * (row * (CELLS + 1) + column) + axis;
    const j = i + 2 * (CELLS + 1);
    const upper = nodes[i]! + (nodes[i + 2]! - nodes[i]!) * fx;
    const lower = nodes[j]! + (nodes[j + 2]! - nodes[j]!) * fx;
    return upper + (lower - upper) * fy;
  }

  /** Draws lines between points that are neighbours, and dots where the mouse is fast. */
  #drawPoints({ width, height }: ImageView, count: number, values: Values): void {
    if (this.#drawing.length !== width * height) this.#drawing = new Uint8Array(width * height);
    else this.#drawing.fill(0);
    const drawing = this.#drawing;
    const pointXs = this.#pointXs;
    const pointYs = this.#pointYs;
    const stride = width + 2;
    const canvas = { width, height, lineWidth: Math.max(1, values.lineWidth * Math.min(width, height)) };
    const angle = (values.dottedAngle * Math.PI) / 180;
    const cos = Math.cos(angle);
    const sin = Math.sin(angle);
    const from = values.dotted ? values.dottedFrom * Math.min(width, height) : Infinity;
    const spacing = (DOT_SPACING * canvas.lineWidth) ** 2;
    const dots: number[] = [];
    for (let i = 0; i < count; i++) {
      const x = pointXs[i]!;
      const y = pointYs[i]!;
      if ((x - width / 2) * cos + (y - height / 2) * sin <= from)
        this.#drawLinks(canvas, this.#ink[i]!, i, stride);
      else if (dots.every((dot) => (x - pointXs[dot]!) ** 2 + (y - pointYs[dot]!) ** 2 >= spacing)) {
        drawSegment(drawing, canvas, x, y, x, y);
        dots.push(i);
      }
    }
  }

  /** Draws a point's lines to its neighbours on the right and below, or a dot where it has none. */
  #drawLinks(canvas: Canvas, pixel: number, point: number, stride: number): void {
    const right = this.#drawLink(canvas, point, pixel + 1);
    const leftBelow = this.#drawLink(canvas, point, pixel + stride - 1);
    const below = this.#drawLink(canvas, point, pixel + stride);
    const rightBelow = this.#drawLink(canvas, point, pixel + stride + 1);
    if (!(right || leftBelow || below || rightBelow)) {
      const x = this.#pointXs[point]!;
      const y = this.#pointYs[point]!;
      drawSegment(this.#drawing, canvas, x, y, x, y);
    }
  }

  /** Whether a pixel is on the line; then the line to it is drawn. */
  #drawLink(canvas: Canvas, point: number, pixel: number): boolean {
    if (this.#mask[pixel] === 0) return false;
    const end = this.#pointAt[pixel]!;
    const pointXs = this.#pointXs;
    const pointYs = this.#pointYs;
    drawSegment(this.#drawing, canvas, pointXs[point]!, pointYs[point]!, pointXs[end]!, pointYs[end]!);
    return true;
  }

  /** Lays the drawing on the paper, in all channels alike. */
  #putDrawing({ channels, data }: ImageView, paper: number): void {
    const drawing = this.#drawing;
    const range = (paper < 128 ? 255 : 0) - paper;
    if (channels === 1 && paper === 0) {
      data.set(drawing);
      return;
    }
    for (let i = 0, out = 0; out < data.length; i++) {
      // From 0 to 256, so that full ink is full.
      const weight = drawing[i]! + (drawing[i]! >> 7);
      const value = paper + ((range * weight + 128) >> 8);
      for (let c = 0; c < channels; c++) data[out++] = value;
    }
  }
}

/**
 * Thinning to lines of one pixel, by taking pixels off the four sides in turn as long as that changes neither the
 * parts nor the holes nor the ends of lines (Rosenfeld, "A characterization of parallel thinning algorithms",
 * Information and Control 29, 1975; in order instead of at once, so that small dots never vanish).
 */
export class Skeletonizer {
  /** The pixels that are open to the side in turn. */
  #open = new Int32Array(0);

  /**
   * Thins the ink of a mask (1: ink) in place. The mask has a border of one empty pixel on every side.
   *
   * @param stride bytes of a row
   * @param ink the pixels of all ink, in order of the rows; what is left of them lies at the front afterwards
   * @param count how many of them there are
   * @returns how many are left
   */
  skeletonize(mask: Uint8Array, stride: number, ink: Int32Array, count: number): number {
    if (this.#open.length < count) this.#open = new Int32Array(ink.length);
    const sides = [1, -stride, -1, stride];
    let left = count;
    for (let quiet = 0, turn = 0; quiet < 4; turn++) {
      const removed = this.#peel(mask, stride, ink, left, sides[turn & 3]!);
      quiet = removed > 0 ? 0 : quiet + 1;
      if (removed > 0) left = keepInk(mask, ink, left);
    }
    return left;
  }

  /** Takes off what is open to one side at the beginning, and gives how many pixels went. */
  #peel(mask: Uint8Array, stride: number, ink: Int32Array, count: number, side: number): number {
    const toSide = side | 0;
    const row = stride | 0;
    const open = this.#open;
    let found = 0;
    for (let i = 0; i < count; i++) {
      const pixel = ink[i]!;
      if (mask[(pixel + toSide) | 0] === 0) open[found++] = pixel;
    }
    let removed = 0;
    for (let i = 0; i < found; i++) {
      const pixel = open[i]!;
      const above = (pixel - row) | 0;
      const below = (pixel + row) | 0;
      // Around the pixel from the right, against the clock.
      const ring =
        mask[(pixel + 1) | 0]! |
        (mask[(above + 1) | 0]! << 1) |
        (mask[above]! << 2) |
        (mask[(above - 1) | 0]! << 3) |
        (mask[(pixel - 1) | 0]! << 4) |
        (mask[(below - 1) | 0]! << 5) |
        (mask[below]! << 6) |
        (mask[(below + 1) | 0]! << 7);
      if (REMOVABLE[ring] === 0) continue;
      mask[pixel] = 0;
      removed++;
    }
    return removed;
  }
}

/** By the eight neighbours as bits, around the pixel from the right: whether it can go. */
const REMOVABLE = Uint8Array.from({ length: 256 }, (_, ring) => (isRemovable(ring) ? 1 : 0));

/** Whether a pixel is no end of a line, and its neighbours stay connected as they are without it. */
function isRemovable(ring: number): boolean {
  const has = (place: number) => (ring >> (place & 7)) & 1;
  let count = 0;
  let parts = 0;
  for (let place = 0; place < 8; place++) count += has(place);
  // Yokoi's connectivity number, for ink that is connected over corners too.
  for (let place = 0; place < 8; place += 2)
    parts += 1 - has(place) - (1 - has(place)) * (1 - has(place + 1)) * (1 - has(place + 2));
  return count > 1 && parts === 1;
}

function keepInk(mask: Uint8Array, ink: Int32Array, count: number): number {
  let kept = 0;
  for (let i = 0; i < count; i++) {
    const pixel = ink[i]!;
    if (mask[pixel] === 1) ink[kept++] = pixel;
  }
  return kept;
}
