/**
 * For `node --import`: as if no package were installed whose name begins with `MISSING_PACKAGE`, or with one of several
 * words in it, in this process and those that it starts.
 */
import { register } from 'node:module';

const MISSING = process.env.MISSING_PACKAGE.split(' ');

if (!import.meta.url.endsWith('?hooks')) register(`${import.meta.url}?hooks`);

export function resolve(specifier, context, next) {
  if (!MISSING.some((name) => specifier.startsWith(name))) return next(specifier, context);
  throw Object.assign(new Error(`Cannot find package '${specifier}' imported from ${context.parentURL}`), {
    code: 'ERR_MODULE_NOT_FOUND',
  });
}
