import { realpathSync } from 'node:fs';
import { createRequire, register } from 'node:module';
import { fileURLToPath } from 'node:url';

const OWN_ROOT = new URL('../../../', import.meta.url);

/**
 * Sees to it that a plugin which imports `roble/plugin` gets the roble that runs, and no second copy: its package may be
 * installed where there is none, or beside one of another version.
 *
 * @param module the file URL of the plugin's module
 * @returns whether anything had to be done for that; once is enough for all plugins of a process or thread
 */
export function shareOwnModules(module: string): boolean {
  if (!module.startsWith('file:') || resolvesToOwn(module)) return false;
  register('./own-modules-hook.js', import.meta.url, { data: { root: OWN_ROOT.href } });
  return true;
}

/** Whether Node finds this copy of roble from there by itself. */
function resolvesToOwn(module: string): boolean {
  try {
    const found = createRequire(module).resolve('roble/package.json');
    return realpathSync(found) === realpathSync(fileURLToPath(new URL('package.json', OWN_ROOT)));
  } catch {
    return false;
  }
}
