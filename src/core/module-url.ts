import { fileURLToPath } from 'node:url';

/**
 * The URL of a module beside the caller's, with the caller's extension: `.js` in the built package, `.ts` when the
 * sources run directly (tests, `bin/dev.js`).
 */
export function siblingModule(callerUrl: string, relative: string): string {
  const extension = callerUrl.endsWith('.ts') ? '.ts' : '.js';
  return new URL(relative.replace(/\.js$/, extension), callerUrl).href;
}

/** A path to fork or to start as a thread, and the Node options that it needs. */
export function childModule(callerUrl: string, relative: string): { path: string; execArgv: string[] } {
  const path = fileURLToPath(siblingModule(callerUrl, relative));
  return { path, execArgv: path.endsWith('.ts') ? ['--import', 'tsx'] : [] };
}
