import { groupBy } from '../collections.js';

/**
 * The form in which names of classes and groups are kept and compared: composed Unicode (NFC). Keyboards give it; file
 * names of macOS and some programs do not, and what looks the same would be two.
 */
export function normalName(name: string): string {
  return name.normalize('NFC');
}

/**
 * The known name that is meant: the same one, or else the only one that differs in Unicode normalisation alone, as in
 * data sets and bundles of older versions.
 */
export function knownName(name: string, known: readonly string[]): string | undefined {
  if (known.includes(name)) return name;
  const alike = known.filter((other) => isSameName(other, name));
  return alike.length === 1 ? alike[0] : undefined;
}

/** Whether names are the same but for Unicode normalisation. */
export function isSameName(a: string, b: string): boolean {
  return a === b || normalName(a) === normalName(b);
}

/** Names in their order, of those that differ in Unicode normalisation alone the first. */
export function distinctNames(names: Iterable<string>): string[] {
  const kept = new Map<string, string>();
  for (const name of names) if (!kept.has(normalName(name))) kept.set(normalName(name), name);
  return [...kept.values()];
}

/** Names that come a second time, also in another Unicode normalisation; each once. */
export function repeatedNames(names: readonly string[]): string[] {
  const seen = new Set<string>();
  const repeated = new Map<string, string>();
  for (const name of names) {
    if (seen.has(normalName(name))) repeated.set(normalName(name), name);
    seen.add(normalName(name));
  }
  return [...repeated.values()];
}

/**
 * Groups of names that look like one, written in several ways: they differ in blanks, in characters that nobody sees, or in
 * upper and lower case, but for single characters: "A" and "a" are two.
 */
export function alikeNames(names: readonly string[]): string[][] {
  const groups = groupBy(names, (name) => {
    const seen = name
      .replace(/\p{Cf}/gu, '')
      .trim()
      .replace(/\s+/g, ' ');
    if (seen === '') return undefined;
    return [...seen].length === 1 ? seen : seen.toLowerCase();
  });
  return [...groups.values()].filter(({ length }) => length > 1);
}
