import { emptySettings } from './merge.js';

/** Settings from values by path: `[['train.epochs', 5]]` gives `{ train: { epochs: 5 } }`. */
export function nest(entries: Iterable<readonly [path: string, value: unknown]>): Record<string, unknown> {
  const root = emptySettings();
  for (const [path, value] of entries) {
    const names = path.split('.');
    const last = names.pop() ?? path;
    let at = root;
    for (const name of names) {
      at[name] ??= emptySettings();
      at = at[name] as Record<string, unknown>;
    }
    at[last] = value;
  }
  return root;
}
