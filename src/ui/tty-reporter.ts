import { createPlainReporter } from './plain-reporter.js';
import type { ClosableReporter } from './reporter.js';

export function createTtyReporter(stream: NodeJS.WriteStream, env: NodeJS.ProcessEnv): ClosableReporter {
  return createPlainReporter(stream, env);
}
