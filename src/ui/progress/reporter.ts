import { isInteractive } from '../terminal/style.js';
import type { ClosableReporter, OutputStream } from './line-reporters.js';
import { createNdjsonReporter, createPlainReporter } from './line-reporters.js';

export type ReporterKind = 'auto' | 'tty' | 'plain' | 'ndjson';

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
  const { createTtyReporter } = await import('./terminal-reporter.js');
  return createTtyReporter(stream as NodeJS.WriteStream, env);
}
