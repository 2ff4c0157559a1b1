import { renderToString } from 'ink';
import type { TrainEvent } from '../../core/learning/training/run/events.js';
import { openFrames } from '../terminal/frames.js';
import { hasColors } from '../terminal/style.js';
import { advance, INITIAL_TRAIN_STATE, note } from './state.js';
import { TrainView } from './view.js';

const FRAME_MS = 200;
/** The age of the checkpoint grows without events. */
const CLOCK_MS = 1000;

export interface TrainScreen {
  /** @throws what the drawing of a frame threw before, so that the run is shown in another way. */
  show(event: TrainEvent): void;
  note(text: string): void;
  /** Draws the last frame and leaves it on the screen. */
  close(): void;
}

/** Draws a training run on a terminal, five times a second at most, and at once when the terminal is resized. */
export function openTrainScreen(stream: NodeJS.WriteStream, env: NodeJS.ProcessEnv): TrainScreen {
  const color = hasColors(stream, env);
  const frames = openFrames(stream);
  let state = INITIAL_TRAIN_STATE;
  let timer: NodeJS.Timeout | undefined;
  let failure: unknown;

  const draw = (isLast = false) => {
    clearTimeout(timer);
    timer = undefined;
    if (failure !== undefined) return;
    // Unknown sizes are 0 or undefined.
    const [columns, rows] = [stream.columns || 80, stream.rows || 24];
    try {
      const view = (
        <TrainView
          state={state}
          columns={columns}
          rows={rows}
          color={color}
          nowMs={Date.now()}
          isLast={isLast}
        />
      );
      const text = renderToString(view, { columns });
      frames.draw(text === '' ? [] : text.split('\n'));
      // The development build of React measures each frame, and Node.js keeps all measures.
      performance.clearMeasures();
    } catch (error) {
      // Thrown from a timer, it would end the training.
      failure = error;
    }
  };
  const change = (next: typeof state) => {
    if (failure !== undefined) throw failure;
    state = next;
    timer ??= setTimeout(redraw, FRAME_MS);
  };

  const redraw = () => draw();
  const clock = setInterval(redraw, CLOCK_MS).unref();
  stream.on('resize', redraw);
  draw();
  return {
    show: (event) => change(advance(state, event, Date.now())),
    note: (text) => change(note(state, text)),
    close() {
      clearInterval(clock);
      stream.off('resize', redraw);
      draw(true);
      frames.close();
    },
  };
}
