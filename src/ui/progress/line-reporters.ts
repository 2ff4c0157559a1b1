import type { ProgressEvent } from '../../core/base/context.js';
import type { ClosableReporter, OutputStream } from './closable-reporter.js';
import { createProgressText } from './progress-text.js';
import { painter } from '../terminal/style.js';
import { trainLine } from '../training/train-text.js';

/** Time between two lines about the same piece of work: often enough to see life, rare enough to read. */
const INTERVAL_MS = 5_000;

/** Lines that are never redrawn, for pipes, files and CI. */
export function createPlainReporter(
  stream: OutputStream,
  env: NodeJS.ProcessEnv,
  now: () => number = () => performance.now(),
): ClosableReporter {
  const paint = painter(stream, env);
  const isDue = createThrottle(now);
  const progressText = createProgressText(now);
  let open = true;

  function lineOf(event: ProgressEvent): string | undefined {
    switch (event.type) {
      case 'step':
        return {
          started: event.title,
          done: `${event.title}: done`,
          failed: paint('red', `${event.title}: failed`),
        }[event.status];
      case 'progress': {
        const text = progressText(event);
        if (event.done === event.total || isDue(event.id)) return text;
        return undefined;
      }
      case 'note':
        return event.message;
      case 'warning':
        return `${paint('yellow', 'Warning:')} ${event.path ? `${event.path}: ` : ''}${event.message}`;
      case 'train': {
        const { kind } = event.event;
        return (kind !== 'step' && kind !== 'evaluating') || isDue('train')
          ? trainLine(event.event)
          : undefined;
      }
    }
  }

  return {
    report(event) {
      const line = open ? lineOf(event) : undefined;
      if (line !== undefined) stream.write(`${line}\n`);
    },
    async close() {
      open = false;
    },
  };
}

/** Says yes to a name at most once in each interval, the first time after one interval. */
function createThrottle(now: () => number): (id: string) => boolean {
  const last = new Map<string, number>();
  return (id) => {
    const time = now();
    const before = last.get(id);
    if (before !== undefined && time - before < INTERVAL_MS) return false;
    last.set(id, time);
    return before !== undefined;
  };
}
