/** Runs in the thread in which Node resolves modules; see {@link shareOwnModules} in `own-modules.ts`. */
import type { InitializeHook, ResolveHook } from 'node:module';

let root = '';

export const initialize: InitializeHook<{ readonly root: string }> = (data) => {
  root = data.root;
};

/** What other packages import of roble comes from the copy that runs, which resolves its own name by its `exports`. */
export const resolve: ResolveHook = (specifier, context, next) => {
  const isOurs = specifier === 'roble' || specifier.startsWith('roble/');
  return next(specifier, isOurs ? { ...context, parentURL: new URL('package.json', root).href } : context);
};
