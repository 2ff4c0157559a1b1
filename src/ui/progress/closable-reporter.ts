import type { Reporter } from '../../core/base/context.js';
import type { Terminal } from '../terminal/style.js';

/** A reporter that may hold a terminal until it is closed. */
export interface ClosableReporter extends Reporter {
  /** Leaves the terminal as it was; events after it are ignored. */
  close(): Promise<void>;
}

export type OutputStream = NodeJS.WritableStream & Terminal;
