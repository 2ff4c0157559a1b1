/** Disjoint sets whose root is the smallest index (R. E. Tarjan's union-find, paths halved). */
export class DisjointSets {
  readonly #parent: Uint32Array;

  /** @param first for each index one that is not larger, of the same set */
  constructor(first: Uint32Array) {
    this.#parent = first.slice();
  }

  joined(a: number, b: number): boolean {
    return this.#root(a) === this.#root(b);
  }

  join(a: number, b: number): void {
    const [rootA, rootB] = [this.#root(a), this.#root(b)];
    this.#parent[Math.max(rootA, rootB)] = Math.min(rootA, rootB);
  }

  roots(): Uint32Array {
    return this.#parent.map((_, i) => this.#root(i));
  }

  #root(index: number): number {
    let at = index;
    while (this.#parent[at] !== at) {
      this.#parent[at] = this.#parent[this.#parent[at]!]!;
      at = this.#parent[at]!;
    }
    return at;
  }
}

/** Spreads into an object: the key only if there is a value. */
export function optional<K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { [P in K]: V });
}

/** At most `count` of the indices below `total`, spread evenly, so that data in some order is met in all its parts. */
export function spreadIndices(total: number, count: number): number[] {
  const length = Math.min(total, count);
  return Array.from({ length }, (_, i) => Math.floor((i * total) / length));
}

/** The samples of each class in their order, by labels that are indices of classes; of all samples, or of some. */
export function samplesByClass(
  labels: ArrayLike<number>,
  classes: number,
  samples: Iterable<number> = Array(labels.length).keys(),
): number[][] {
  const members = Array.from({ length: classes }, (): number[] => []);
  for (const sample of samples) members[labels[sample]!]!.push(sample);
  return members;
}

/** Items by their key, in the order in which they come; those without one are left out. */
export function groupBy<T, K>(items: Iterable<T>, keyOf: (item: T) => K | undefined): Map<K, T[]> {
  const groups = new Map<K, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    if (key === undefined) continue;
    const group = groups.get(key);
    if (group) group.push(item);
    else groups.set(key, [item]);
  }
  return groups;
}
