import { z } from 'zod';

const PROTO = '__proto__';

/**
 * Values by names that users choose, such as those of classes: `z.record`, which leaves out what is named `__proto__`
 * without a word, with that as a name like any other.
 */
export function recordOf<T extends z.ZodType>(values: T): z.ZodRecord<z.ZodString, T> {
  return new RecordOfNames({ type: 'record', keyType: z.string(), valueType: values }) as never;
}

const RecordOfNames = z.core.$constructor('RecordOfNames', (inst: z.ZodRecord, def: z.core.$ZodRecordDef) => {
  z.ZodRecord.init(inst, def);
  const { parse } = inst._zod;
  inst._zod.parse = (payload, context) => {
    const given = payload.value;
    const parsed = parse(payload, context);
    if (parsed instanceof Promise || !hasProto(given)) return parsed;
    const own = def.valueType._zod.run({ value: given[PROTO], issues: [] }, context);
    if (own instanceof Promise) throw new z.core.$ZodAsyncError();
    parsed.issues.push(...z.core.util.prefixIssues(PROTO, own.issues));
    // Unlike an assignment, this makes a property of any name.
    parsed.value = Object.fromEntries([...Object.entries(parsed.value as object), [PROTO, own.value]]);
    return parsed;
  };
});

function hasProto(value: unknown): value is Record<typeof PROTO, unknown> {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, PROTO);
}

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
