import type { Reporter } from '../../core/base/context.js';
import { formatCount } from '../../core/base/text/text.js';
import type { TrainingProgress } from '../../core/learning/training/run/events.js';
import { formatProgress } from '../terminal/format.js';
import { painter, type Terminal } from '../terminal/style.js';
import { trainLine } from '../training/text.js';

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

  function lineOf(event: TrainingProgress): string | undefined {
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

/** A reporter that may hold a terminal until it is closed. */
export interface ClosableReporter extends Reporter<TrainingProgress> {
  /** Leaves the terminal as it was; events after it are ignored. */
  close(): Promise<void>;
}

export type OutputStream = NodeJS.WritableStream & Terminal;

type Progress = Extract<TrainingProgress, { type: 'progress' }>;

/** Rates over a shorter time mean nothing. */
const SHORTEST_MS = 200;

/** Texts such as `120/500 images (24%), 1,234 images/s`; the rate is that since the first report of a piece of work. */
export function createProgressText(
  now: () => number = () => performance.now(),
): (progress: Progress) => string {
  const first = new Map<string, { readonly time: number; readonly done: number }>();
  return ({ id, done, total, unit }) => {
    const time = now();
    const start = first.get(id);
    // Less than before: the work was started again.
    if (!start || done < start.done) first.set(id, { time, done });
    const text = formatProgress(done, total, unit);
    if (!start || time - start.time < SHORTEST_MS || done <= start.done) return text;
    return `${text}, ${formatCount(Math.round((1000 * (done - start.done)) / (time - start.time)))} ${unit}/s`;
  };
}

/** Each event as one line of JSON, with the time at which it was reported, for programs that follow the work. */
export function createNdjsonReporter(
  stream: OutputStream,
  now: () => Date = () => new Date(),
): ClosableReporter {
  let open = true;
  return {
    report(event) {
      if (open) stream.write(`${JSON.stringify({ time: now().toISOString(), ...event })}\n`);
    },
    async close() {
      open = false;
    },
  };
}
