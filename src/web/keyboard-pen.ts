export interface KeyboardPenEvents {
  down(point: Point): void;
  move(point: Point): void;
  up(): void;
  /** It has moved, appeared or disappeared. */
  moved(): void;
  undo(): void;
  clear(): void;
  say(text: string): void;
}

const STEP = 40;
const FINE_STEP = 10;
const SAY_AFTER_MS = 400;
const ARROWS: Readonly<Record<string, Point>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

/** A pen moved by the arrow keys, diagonally by two at once, in small steps with shift. */
export class KeyboardPen {
  readonly #events: KeyboardPenEvents;
  #point: Point = [SIDE / 2, SIDE / 2];
  #isDown = false;
  /** It is shown only while it is used. */
  #isUsed = false;
  readonly #held = new Set<string>();
  #saying = 0;

  constructor(panel: HTMLElement, events: KeyboardPenEvents) {
    this.#events = events;
    panel.addEventListener('keydown', (event) => this.#keyDown(event));
    panel.addEventListener('keyup', ({ key }) => this.#held.delete(key));
    panel.addEventListener('focus', () => {
      this.#isUsed = panel.matches(':focus-visible');
      events.moved();
    });
    panel.addEventListener('blur', () => {
      this.#held.clear();
      this.#isUsed = false;
      if (this.#isDown) this.#put(false);
      events.moved();
    });
  }

  /** Takes it off the paper without a word: the stroke ended otherwise. */
  lift(): void {
    this.#isDown = false;
  }

  paint(context: CanvasRenderingContext2D, color: string): void {
    if (!this.#isUsed) return;
    context.save();
    context.strokeStyle = context.fillStyle = color;
    context.lineWidth = 5;
    context.beginPath();
    context.arc(...this.#point, 34, 0, 2 * Math.PI);
    context.stroke();
    context.beginPath();
    context.arc(...this.#point, this.#isDown ? 16 : 5, 0, 2 * Math.PI);
    context.fill();
    context.restore();
  }

  #keyDown(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey || !this.#do(event.key, event)) return;
    event.preventDefault();
    this.#isUsed = true;
    this.#events.moved();
  }

  /** @returns whether the key means anything here */
  #do(key: string, { shiftKey, repeat }: KeyboardEvent): boolean {
    if (key in ARROWS) this.#step(key, shiftKey ? FINE_STEP : STEP);
    else if (key === ' ') repeat || this.#put(!this.#isDown);
    else if (key === 'Escape' && this.#isDown) this.#put(false);
    else if (key === 'Backspace') this.#events.undo();
    else if (key === 'Delete') this.#events.clear();
    else return false;
    return true;
  }

  #step(key: string, step: number): void {
    this.#held.add(key);
    let [x, y] = this.#point;
    for (const held of this.#held) {
      x += ARROWS[held]![0] * step;
      y += ARROWS[held]![1] * step;
    }
    const within = (value: number) => Math.min(SIDE, Math.max(0, value));
    this.#point = [within(x), within(y)];
    if (this.#isDown) this.#events.move(this.#point);
    clearTimeout(this.#saying);
    this.#saying = setTimeout(() => this.#events.say(this.#place()), SAY_AFTER_MS);
  }

  #put(down: boolean): void {
    this.#isDown = down;
    clearTimeout(this.#saying);
    if (down) this.#events.down(this.#point);
    else this.#events.up();
    this.#events.say(`Pen ${down ? 'down' : 'up'}, ${this.#place()}`);
  }

  #place(): string {
    const [x, y] = this.#point.map((value) => Math.round((100 * value) / SIDE));
    return `${x} % from the left, ${y} % from the top`;
  }
}

/** Units along a side of the drawing pad, independent of its size on the screen. */
export const SIDE = 1000;

export type Point = readonly [x: number, y: number];
