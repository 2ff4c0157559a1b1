import { KeyboardPen, type Point, SIDE } from './keyboard-pen.js';
import type { Stroke } from './server.js';

/** Points that are closer together say nothing new. */
const MIN_STEP = 4;
const LINE_SHARE = 0.045;

export interface DrawingPadEvents {
  /** A stroke begins. */
  started(): void;
  /** The drawing has changed: a stroke was finished or taken back. */
  changed(): void;
  /** For those who cannot see the pen. */
  say(text: string): void;
}

/** Strokes on a canvas, by mouse, touch, pen or keyboard. */
export class DrawingPad {
  readonly #canvas: HTMLCanvasElement;
  readonly #events: DrawingPadEvents;
  readonly #pen: KeyboardPen;
  #strokes: Point[][] = [];
  /** The one that is being drawn. */
  #open: Point[] | undefined;
  #pointer: number | undefined;
  #frame = 0;

  /** @param panel holds the canvas, and has the focus while the keyboard draws */
  constructor(panel: HTMLElement, canvas: HTMLCanvasElement, events: DrawingPadEvents) {
    this.#canvas = canvas;
    this.#events = events;
    this.#pen = new KeyboardPen(panel, {
      down: (point) => this.#start(point),
      move: (point) => this.#extend(point),
      up: () => this.#finish(),
      moved: () => this.#paintSoon(),
      undo: () => this.undo(),
      clear: () => this.clear(),
      say: (text) => events.say(text),
    });
    canvas.addEventListener('pointerdown', (event) => this.#pointerDown(event));
    canvas.addEventListener('pointermove', (event) => this.#pointerMove(event));
    canvas.addEventListener('pointerup', (event) => this.#pointerUp(event));
    canvas.addEventListener('pointercancel', (event) => this.#pointerUp(event));
    new ResizeObserver(() => this.#paintSoon()).observe(canvas);
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.#paintSoon());
  }

  /** The finished strokes. */
  get strokes(): readonly Stroke[] {
    return this.#strokes.filter((stroke) => stroke !== this.#open);
  }

  undo(): void {
    this.#lift();
    if (this.#strokes.pop()) this.#changed();
  }

  clear(): void {
    this.#lift();
    if (this.#strokes.splice(0).length > 0) this.#changed();
  }

  #lift(): void {
    this.#pen.lift();
    this.#pointer = undefined;
    this.#open = undefined;
  }

  #pointerDown(event: PointerEvent): void {
    // A second finger, or the palm beside the pen, draws nothing.
    if (event.button !== 0 || this.#pointer !== undefined) return;
    this.#pen.lift();
    this.#pointer = event.pointerId;
    this.#canvas.setPointerCapture(event.pointerId);
    this.#start(this.#pointOf(event));
  }

  #pointerMove(event: PointerEvent): void {
    if (event.pointerId !== this.#pointer) return;
    const all = event.getCoalescedEvents?.() ?? [];
    for (const one of all.length > 0 ? all : [event]) this.#extend(this.#pointOf(one));
  }

  #pointerUp(event: PointerEvent): void {
    if (event.pointerId !== this.#pointer) return;
    this.#pointer = undefined;
    this.#finish();
  }

  #pointOf({ clientX, clientY }: PointerEvent): Point {
    const { left, top, width, height } = this.#canvas.getBoundingClientRect();
    const at = (share: number) => Math.round(Math.min(1, Math.max(0, share)) * SIDE);
    return [at((clientX - left) / width), at((clientY - top) / height)];
  }

  #start(point: Point): void {
    this.#open = [point];
    this.#strokes.push(this.#open);
    this.#events.started();
    this.#paintSoon();
  }

  #extend(point: Point): void {
    const last = this.#open?.at(-1);
    if (!last || Math.hypot(point[0] - last[0], point[1] - last[1]) < MIN_STEP) return;
    this.#open!.push(point);
    this.#paintSoon();
  }

  #finish(): void {
    if (!this.#open) return;
    this.#open = undefined;
    this.#changed();
  }

  #changed(): void {
    this.#paintSoon();
    this.#events.changed();
  }

  #paintSoon(): void {
    cancelAnimationFrame(this.#frame);
    this.#frame = requestAnimationFrame(() => this.#paint());
  }

  #paint(): void {
    const canvas = this.#canvas;
    const side = Math.round(canvas.clientWidth * devicePixelRatio);
    if (canvas.width !== side) canvas.width = canvas.height = side;
    const context = canvas.getContext('2d')!;
    context.setTransform(side / SIDE, 0, 0, side / SIDE, 0, 0);
    context.clearRect(0, 0, SIDE, SIDE);
    const { color, accentColor } = getComputedStyle(canvas);
    context.strokeStyle = color;
    context.lineWidth = SIDE * LINE_SHARE;
    context.lineCap = context.lineJoin = 'round';
    for (const stroke of this.#strokes) paintStroke(context, stroke);
    this.#pen.paint(context, accentColor);
  }
}

/** Through the middles of the steps, which looks smooth; the strokes themselves stay as they were drawn. */
function paintStroke(context: CanvasRenderingContext2D, points: readonly Point[]): void {
  const [first, ...rest] = points;
  context.beginPath();
  context.moveTo(...first!);
  let last = first!;
  for (const point of rest) {
    context.quadraticCurveTo(...last, (last[0] + point[0]) / 2, (last[1] + point[1]) / 2);
    last = point;
  }
  context.lineTo(...last);
  context.stroke();
}
