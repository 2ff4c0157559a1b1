import { sep } from 'node:path';

/** A path as templates, archives and web addresses have it on every system: with `/`. */
export function withSlashes(path: string): string {
  return path.split(sep).join('/');
}
