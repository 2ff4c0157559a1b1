import { distance } from 'fastest-levenshtein';

/** `['Did you mean "x"?']` when a known name is close to what was written, else nothing. */
export function didYouMean(written: string, known: readonly string[]): string[] {
  const [best] = known
    .map((name) => ({ name, distance: distance(written.toLowerCase(), name.toLowerCase()) }))
    .sort((a, b) => a.distance - b.distance);
  return best && best.distance <= Math.max(2, written.length / 3) ? [`Did you mean "${best.name}"?`] : [];
}

/** `1,234,567`. */
export function formatCount(value: number): string {
  return value.toLocaleString('en-US');
}

/** `n` as `1 image` or `5 images`. */
export function countOf(value: number, noun: string, plural = `${noun}s`): string {
  return `${formatCount(value)} ${value === 1 ? noun : plural}`;
}

/** The first few of many words: `a, b, c and 7 more`. */
export function examples(words: readonly string[], shown = 3): string {
  const rest = words.length - shown;
  return `${words.slice(0, shown).join(', ')}${rest > 0 ? ` and ${formatCount(rest)} more` : ''}`;
}

/** A field of a CSV line, quoted where RFC 4180 says so. */
export function csvField(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
