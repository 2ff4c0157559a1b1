/**
 * For `node --import`: as if no package were installed whose name begins with `MISSING_PACKAGE`, in this process and those
 * that it starts.
 */
import { register } from 'node:module';

if (!import.meta.url.endsWith('?hooks')) register(`${import.meta.url}?hooks`);

export function resolve(specifier, context, next) {
  if (!specifier.startsWith(process.env.MISSING_PACKAGE)) return next(specifier, context);
  throw Object.assign(new Error(`Cannot find package '${specifier}' imported from ${context.parentURL}`), {
    code: 'ERR_MODULE_NOT_FOUND',
  });
}
