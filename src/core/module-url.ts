import { fileURLToPath } from 'node:url';
import { Worker, type WorkerOptions } from 'node:worker_threads';

/**
 * The URL of a module beside the caller's, with the caller's extension: `.js` in the built package, `.ts` when the
 * sources run directly, as in tests and benchmarks.
 */
export function siblingModule(callerUrl: string, relative: string): string {
  const extension = callerUrl.endsWith('.ts') ? '.ts' : '.js';
  return new URL(relative.replace(/\.js$/, extension), callerUrl).href;
}

/** A path to fork, and the Node options that it needs. */
export function childModule(callerUrl: string, relative: string): { path: string; execArgv: string[] } {
  const path = fileURLToPath(siblingModule(callerUrl, relative));
  return { path, execArgv: path.endsWith('.ts') ? ['--import', 'tsx'] : [] };
}

/** Starts a module beside the caller's as a thread. */
export function startThread(callerUrl: string, relative: string, options: WorkerOptions): Worker {
  const url = siblingModule(callerUrl, relative);
  if (url.endsWith('.js')) return new Worker(new URL(url), options);
  // Node 20 does not apply --import to threads: load the TypeScript loader inside.
  const loader = `import('tsx/esm/api').then(({ register }) => { register(); return import(${JSON.stringify(url)}); });`;
  return new Worker(loader, { ...options, eval: true });
}
