import type { TrainingProgress } from '../../core/learning/training/run/events.js';
import { isInteractive, painter } from '../terminal/style.js';
import type { TrainScreen } from '../training/screen.js';
import {
  type ClosableReporter,
  createNdjsonReporter,
  createPlainReporter,
  type OutputStream,
} from './line-reporters.js';
import type { StepList } from './step-list.js';

export type ReporterKind = 'auto' | 'tty' | 'plain' | 'ndjson';

/**
 * The renderer of progress for a stream, usually standard error.
 *
 * @param kind `auto`: `tty` on an interactive terminal, `plain` elsewhere (a pipe, a file, CI, TERM=dumb).
 */
export function createReporter(
  kind: ReporterKind,
  stream: OutputStream,
  env: NodeJS.ProcessEnv,
): ClosableReporter {
  const chosen = kind === 'auto' ? (isInteractive(stream, env) ? 'tty' : 'plain') : kind;
  if (chosen === 'ndjson') return createNdjsonReporter(stream);
  if (chosen === 'plain') return createPlainReporter(stream, env);
  return createTerminalReporter(stream as NodeJS.WriteStream, env);
}

/**
 * Redraws lines on a terminal: a list for steps, a view with curves for training. The libraries that draw them, listr2 and
 * ink, are loaded at the first such event.
 */
function createTerminalReporter(stream: NodeJS.WriteStream, env: NodeJS.ProcessEnv): ClosableReporter {
  const paint = painter(stream, env);
  const lines = createPlainReporter(stream, env);
  let steps: StepList | undefined;
  let screen: TrainScreen | undefined;
  let waiting: string[] = [];
  let open = true;
  // Loading takes a moment, so events wait in line for the one before.
  let last: Promise<void> = Promise.resolve();

  function flush(): void {
    for (const line of waiting) stream.write(`${line}\n`);
    waiting = [];
  }

  function say(text: string, painted: string): void {
    if (screen) screen.note(text);
    else waiting.push(painted);
    // A line between two frames of a list would be erased.
    if (!screen && !steps?.isBusy) flush();
  }

  async function handle(event: TrainingProgress): Promise<void> {
    switch (event.type) {
      case 'train':
        await steps?.close();
        screen ??= (await import('../training/screen.js')).openTrainScreen(stream, env);
        return screen.show(event.event);
      case 'note':
        return say(event.message, event.message);
      case 'warning': {
        const text = `Warning: ${event.path ? `${event.path}: ` : ''}${event.message}`;
        return say(text, paint('yellow', text));
      }
      case 'step':
        if (screen) return;
        steps ??= (await import('./step-list.js')).openStepList(stream);
        await steps.step(event);
        return steps.isBusy ? undefined : flush();
      case 'progress':
        return steps?.progress(event);
    }
  }

  return {
    report(event) {
      // A display that fails must not end the work that it shows.
      if (open) last = last.then(() => handle(event)).catch(() => lines.report(event));
    },
    async close() {
      open = false;
      await last;
      screen?.close();
      await steps?.close();
      flush();
    },
  };
}
