import { relative } from 'node:path';
import type { Layer } from '../base/schema/merge.js';

/** Where a value of the configuration came from. */
export type Origin =
  | { readonly source: 'default' }
  | { readonly source: 'preset'; readonly preset: string }
  | { readonly source: 'user' | 'project'; readonly file: string; readonly line?: number }
  | { readonly source: 'environment'; readonly variable: string }
  | { readonly source: 'flag'; readonly flag: string };

/** Settings with one kind of origin; later layers win over earlier ones. */
export interface OriginLayer extends Layer {
  origin(path: readonly PropertyKey[]): Origin;
}

/** An origin for people, such as `roble.config.yaml:12` or `--epochs`; files relative to `cwd` where that is shorter. */
export function describeOrigin(origin: Origin, cwd: string): string {
  switch (origin.source) {
    case 'default':
      return 'default';
    case 'preset':
      return `preset ${origin.preset}`;
    case 'environment':
      return origin.variable;
    case 'flag':
      return origin.flag;
    default: {
      const name = relative(cwd, origin.file);
      return `${name.startsWith('..') ? origin.file : name}${origin.line === undefined ? '' : `:${origin.line}`}`;
    }
  }
}
