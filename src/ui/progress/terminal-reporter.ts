import type { TrainingProgress } from '../../core/learning/training/run/events.js';
import { painter } from '../terminal/style.js';
import type { TrainScreen } from '../training/screen.js';
import type { ClosableReporter } from './line-reporters.js';
import { createPlainReporter } from './line-reporters.js';
import type { StepList } from './step-list.js';

/** Redraws lines on a terminal: a list for steps, a view with curves for training. Each is loaded when it is needed. */
export function createTtyReporter(stream: NodeJS.WriteStream, env: NodeJS.ProcessEnv): ClosableReporter {
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
