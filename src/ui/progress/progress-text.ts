import type { ProgressEvent } from '../../core/base/context.js';
import { formatCount } from '../../core/base/text.js';
import { formatProgress } from '../terminal/format.js';

type Progress = Extract<ProgressEvent, { type: 'progress' }>;

/** Below so many milliseconds a rate says nothing. */
const SHORTEST_MS = 200;

/** Texts such as `120/500 images (24%), 1,234 images/s`; the rate is that since the first report of a piece of work. */
export function createProgressText(
  now: () => number = () => performance.now(),
): (progress: Progress) => string {
  const first = new Map<string, { readonly time: number; readonly done: number }>();
  return ({ id, done, total, unit }) => {
    const time = now();
    const start = first.get(id);
    // Less than before: the work was begun again.
    if (!start || done < start.done) first.set(id, { time, done });
    const text = formatProgress(done, total, unit);
    if (!start || time - start.time < SHORTEST_MS || done <= start.done) return text;
    return `${text}, ${formatCount(Math.round((1000 * (done - start.done)) / (time - start.time)))} ${unit}/s`;
  };
}
