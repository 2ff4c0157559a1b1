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
