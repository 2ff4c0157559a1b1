import type { SplitName } from './format.js';

/** The properties of a sample that decide its split. */
export interface SplitItem {
  readonly label: number;
  readonly source: string;
  readonly group?: string | undefined;
  readonly split?: SplitName | undefined;
}

/** Units that are looked at before the search gives up, about a second's work. */
const MAX_LOOKS = 20_000_000;

/** Samples that move as a whole: a group, or a sample without one. */
interface Unit {
  readonly members: number[];
  readonly labels: Set<number>;
  /** The split that it is in now. */
  readonly split: number;
}

interface Need {
  readonly label: number;
  readonly split: number;
}

/**
 * Moves groups and single samples so that every class has a sample in every wanted split, if that is possible: a division
 * by size alone may put both groups of a rare class into one split. The need that fewest units can meet is met first, if
 * possible by a unit that is there already, else by a small one, and choices that fail are undone (backtracking with the most
 * constrained variable first). All other units stay where they are.
 *
 * @param free indices of the items that may move
 * @param wanted indices of the splits
 * @param assigned the split of each item; changed only when the search succeeds
 */
export function coverClasses(
  items: readonly SplitItem[],
  free: readonly number[],
  wanted: readonly number[],
  assigned: Uint8Array,
): void {
  const units = unitsByLabel(items, free, wanted.length, assigned);
  const covered = coveredByOthers(items, free, assigned);
  const needs = [...units.keys()]
    .flatMap((label) => wanted.map((split) => ({ label, split })))
    .filter((need) => !covered.has(keyOf(need)));
  const placed = search(needs, units);
  for (const [{ members }, split] of placed ?? []) for (const i of members) assigned[i] = split;
}

const keyOf = ({ label, split }: Need): string => `${label} ${split}`;

/** The needs that are met by samples that may not move. */
function coveredByOthers(
  items: readonly SplitItem[],
  free: readonly number[],
  assigned: Uint8Array,
): Set<string> {
  const movable = new Set(free);
  return new Set(
    items.flatMap(({ label }, i) => (movable.has(i) ? [] : [keyOf({ label, split: assigned[i]! })])),
  );
}

/** The units that hold each class, small ones first. A few of many single samples are enough for each split that they are in. */
function unitsByLabel(
  items: readonly SplitItem[],
  free: readonly number[],
  enough: number,
  assigned: Uint8Array,
): Map<number, Unit[]> {
  const groups = new Map<string, Unit>();
  const singles = new Map<string, number>();
  const byLabel = new Map<number, Unit[]>();
  for (const i of free) {
    const { group, label } = items[i]!;
    const split = assigned[i]!;
    if (group === undefined) {
      const key = keyOf({ label, split });
      if ((singles.get(key) ?? 0) >= enough) continue;
      singles.set(key, (singles.get(key) ?? 0) + 1);
    }
    const known = group === undefined ? undefined : groups.get(group);
    const unit = known ?? { members: [], labels: new Set(), split };
    if (group !== undefined) groups.set(group, unit);
    unit.members.push(i);
    if (unit.labels.has(label)) continue;
    unit.labels.add(label);
    const holders = byLabel.get(label) ?? [];
    holders.push(unit);
    byLabel.set(label, holders);
  }
  for (const units of byLabel.values()) units.sort((a, b) => a.members.length - b.members.length);
  return byLabel;
}

/** The splits that units have to move to; undefined if none were found. */
function search(
  needs: readonly Need[],
  units: ReadonlyMap<number, readonly Unit[]>,
): Map<Unit, number> | undefined {
  const placed = new Map<Unit, number>();
  let looks = 0;
  const meet = (open: readonly Need[]): boolean => {
    const left = open.filter(
      ({ label, split }) => !units.get(label)!.some((unit) => placed.get(unit) === split),
    );
    if (left.length === 0) return true;
    for (const { label } of left) looks += units.get(label)!.length;
    const { need, candidates } = hardest(left, units, placed);
    for (const unit of candidates) {
      if (looks > MAX_LOOKS) return false;
      placed.set(unit, need.split);
      if (meet(left)) return true;
      placed.delete(unit);
    }
    return false;
  };
  return meet(needs) ? placed : undefined;
}

/** The need that fewest units could meet, and these units in the order in which to try them. */
function hardest(
  needs: readonly Need[],
  units: ReadonlyMap<number, readonly Unit[]>,
  placed: ReadonlyMap<Unit, number>,
): { need: Need; candidates: Unit[] } {
  let best: { need: Need; candidates: Unit[] } | undefined;
  for (const need of needs) {
    const candidates = units.get(need.label)!.filter((unit) => !placed.has(unit));
    if (best === undefined || candidates.length < best.candidates.length) best = { need, candidates };
  }
  const { need, candidates } = best!;
  const isThere = (unit: Unit) => Number(unit.split === need.split);
  return { need, candidates: candidates.sort((a, b) => isThere(b) - isThere(a)) };
}
