export type Settings = Record<string, unknown>;

/** Keys that exclude each other, by the path of their group: a layer that gives one replaces what lies below. */
export type Choices = ReadonlyMap<string, readonly string[]>;

/** A set of settings that lies over others. */
export interface Layer {
  readonly value: Settings;
}

export interface Merged<L extends Layer> {
  readonly value: Settings;
  /** The layer that gave the value at a path, or the nearest value around it; none: nothing gave it. */
  layerOf(path: readonly PropertyKey[]): L | undefined;
}

/**
 * Lays settings over each other, the last one on top, key by key. Lists are replaced whole. Settings that are told
 * apart by a `type` (an optimizer, a schedule) are replaced whole when the type changes: the momentum of one optimizer
 * is nothing to another.
 */
export function mergeLayers<L extends Layer>(layers: readonly L[], choices: Choices = new Map()): Merged<L> {
  const value = emptySettings();
  const givers = new Map<string, L>();
  for (const layer of layers) mergeInto(value, layer.value, [], layer, givers, choices);
  return {
    value,
    layerOf(path) {
      const exact = givers.get(keyOf(path));
      if (exact) return exact;
      // A problem of a whole group, such as a missing key in it: whoever gave something of the group.
      const start = `${keyOf(path)}\0`;
      const last = [...givers].filter(([key]) => path.length === 0 || key.startsWith(start)).at(-1);
      if (last) return last[1];
      for (let length = path.length - 1; length > 0; length--) {
        const around = givers.get(keyOf(path.slice(0, length)));
        if (around) return around;
      }
      return undefined;
    },
  };
}

/** Settings with others laid over them, as {@link mergeLayers} does. */
export function mergeSettings(below: Settings, above: Settings): Settings {
  return mergeLayers([{ value: below }, { value: above }]).value;
}

function mergeInto<L extends Layer>(
  target: Settings,
  source: Settings,
  at: readonly string[],
  layer: L,
  givers: Map<string, L>,
  choices: Choices,
): void {
  for (const [key, given] of Object.entries(source)) {
    const path = [...at, key];
    const current = target[key];
    if (isSettings(given)) {
      const keep = isSettings(current) && !replaces(choices.get(path.join('.')), current, given);
      if (!keep) forget(givers, path);
      const inner = keep ? current : emptySettings();
      target[key] = inner;
      if (Object.keys(given).length === 0) givers.set(keyOf(path), layer);
      mergeInto(inner, given, path, layer, givers, choices);
    } else {
      forget(givers, path);
      target[key] = given;
      givers.set(keyOf(path), layer);
    }
  }
}

function replaces(choice: readonly string[] = [], current: Settings, given: Settings): boolean {
  return choice.some((key) => key in given) || ('type' in given && given.type !== current.type);
}

function forget(givers: Map<string, unknown>, path: readonly string[]): void {
  const key = keyOf(path);
  for (const other of givers.keys()) if (other === key || other.startsWith(`${key}\0`)) givers.delete(other);
}

// A key may hold a dot, so paths are joined by a character that no key holds.
function keyOf(path: readonly PropertyKey[]): string {
  return path.map(String).join('\0');
}

// Without a prototype, a key named __proto__ is a key like any other, and reported as unknown.
function emptySettings(): Settings {
  return Object.create(null) as Settings;
}

export function isSettings(value: unknown): value is Settings {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A path for people: `model.layers[2].kernel`. */
export function formatPath(path: readonly PropertyKey[]): string {
  return path.reduce<string>(
    (text, part) =>
      typeof part === 'number' ? `${text}[${part}]` : text === '' ? String(part) : `${text}.${String(part)}`,
    '',
  );
}

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

/** Values that win over every file and variable, by their path: what flags of the command line give. */
export type Overrides = Readonly<Record<string, { readonly value: unknown; readonly flag: string }>>;
