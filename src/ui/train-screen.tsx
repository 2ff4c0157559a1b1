import { render } from 'ink';
import type { TrainEvent } from '../core/context.js';
import { hasColors } from './style.js';
import { advance, INITIAL_TRAIN_STATE, note } from './train-state.js';
import { TrainView } from './train-view.js';

const FRAME_MS = 100;

export interface TrainScreen {
  show(event: TrainEvent): void;
  note(text: string): void;
  /** Draws the last frame and leaves it on the screen. */
  close(): void;
}

/** Draws a training run on a terminal, ten times a second at most. */
export function openTrainScreen(stream: NodeJS.WriteStream, env: NodeJS.ProcessEnv): TrainScreen {
  const color = hasColors(stream, env);
  let state = INITIAL_TRAIN_STATE;
  let timer: NodeJS.Timeout | undefined;
  const view = () => (
    <TrainView state={state} columns={stream.columns || 80} rows={stream.rows || 24} color={color} />
  );
  // Ctrl-C belongs to the command, which saves a checkpoint before it ends.
  const screen = render(view(), { stdout: stream, stderr: stream, exitOnCtrlC: false, patchConsole: false });
  const draw = () => {
    timer = undefined;
    screen.rerender(view());
  };
  const change = (next: typeof state) => {
    state = next;
    timer ??= setTimeout(draw, FRAME_MS);
  };
  return {
    show: (event) => change(advance(state, event)),
    note: (text) => change(note(state, text)),
    close() {
      clearTimeout(timer);
      draw();
      screen.unmount();
    },
  };
}
