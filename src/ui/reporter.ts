import type { Reporter } from '../core/context.js';
import { createNdjsonReporter } from './ndjson-reporter.js';
import { createPlainReporter } from './plain-reporter.js';
import { isInteractive, type Terminal } from './style.js';

export type ReporterKind = 'auto' | 'tty' | 'plain' | 'ndjson';

/** A reporter that may hold a terminal until it is closed. */
export interface ClosableReporter extends Reporter {
  /** Leaves the terminal as it was; events after it are ignored. */
  close(): Promise<void>;
}

export type OutputStream = NodeJS.WritableStream & Terminal;

/**
 * The renderer of progress for a stream, usually standard error.
 *
 * @param kind `auto`: `tty` on an interactive terminal, `plain` elsewhere (a pipe, a file, CI, TERM=dumb).
 */
export async function createReporter(
  kind: ReporterKind,
  stream: OutputStream,
  env: NodeJS.ProcessEnv,
): Promise<ClosableReporter> {
  const chosen = kind === 'auto' ? (isInteractive(stream, env) ? 'tty' : 'plain') : kind;
  if (chosen === 'ndjson') return createNdjsonReporter(stream);
  if (chosen === 'plain') return createPlainReporter(stream, env);
  const { createTtyReporter } = await import('./tty-reporter.js');
  return createTtyReporter(stream as NodeJS.WriteStream, env);
}
