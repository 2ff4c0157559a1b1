import type { RecordedRun } from '../history/recorded-run.js';

/** Settings that say where a run lies and how it is kept safe, and change nothing that it computes. */
const WITHOUT_EFFECT =
  /^(id|name|run|train\.(seed|keepCheckpoints|checkpointEverySteps|checkpointEverySeconds|checkpointFallback|retry\..*))$/;

/** What a run computes with, by dotted path, apart from its seed. Lists of plain values are one value. */
export function comparableSettings({ settings }: Pick<RecordedRun, 'settings'>): Map<string, string> {
  const leaves = new Map<string, string>();
  collectLeaves(settings, '', leaves);
  // The fingerprint tells data apart better than the folders, which may have been moved.
  if (leaves.has('dataFingerprint')) for (const path of ['dataset', 'validation']) leaves.delete(path);
  for (const path of [...leaves.keys()]) if (WITHOUT_EFFECT.test(path)) leaves.delete(path);
  return leaves;
}

function collectLeaves(value: unknown, path: string, leaves: Map<string, string>): void {
  const isNested =
    typeof value === 'object' &&
    value !== null &&
    (!Array.isArray(value) || value.some((item) => typeof item === 'object'));
  if (!isNested) {
    leaves.set(path, typeof value === 'string' ? value : JSON.stringify(value));
    return;
  }
  for (const [key, inner] of Object.entries(value))
    collectLeaves(inner, path === '' ? key : `${path}.${key}`, leaves);
}

/** The paths at which not all of the settings have the same value, in their order. */
export function differingPaths(settings: readonly ReadonlyMap<string, string>[]): string[] {
  const paths = new Set(settings.flatMap((leaves) => [...leaves.keys()]));
  return [...paths].filter((path) => new Set(settings.map((leaves) => leaves.get(path))).size > 1);
}
