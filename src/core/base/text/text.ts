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

/** A size as `512 MB` or `1.4 GB`. */
export function formatBytes(bytes: number): string {
  return bytes < 1e9 ? `${Math.round(bytes / 1e6)} MB` : `${(bytes / 1e9).toFixed(1)} GB`;
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

const MAX_DEPTH = 4;

/**
 * A value as the beginning of its JSON, for messages about what was received: never more of it is looked at than is shown,
 * because it may be a flood, or as deep as a stack.
 */
export function shownValue(value: unknown, maxLength = 60): string {
  if (value === undefined) return 'nothing';
  const text = beginningOf(value, maxLength, MAX_DEPTH);
  return text.length > maxLength ? `${text.slice(0, maxLength - 3)}...` : text;
}

/** At least `length` letters of the JSON, where it is that long. */
function beginningOf(value: unknown, length: number, depth: number): string {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, length));
  // JSON has no word for .inf and .nan.
  if (typeof value !== 'object' || value === null) return String(value);
  if (Array.isArray(value)) return listed(value, length, depth);
  if (depth === 0) return '{...}';
  let text = '';
  for (const [key, inner] of Object.entries(value)) {
    if (text.length > length) return `{${text}`;
    const member = `${JSON.stringify(key.slice(0, length))}:${beginningOf(inner, length, depth - 1)}`;
    text += (text && ',') + member;
  }
  return `{${text}}`;
}

function listed(list: readonly unknown[], length: number, depth: number): string {
  if (depth === 0) return '[...]';
  let text = '';
  for (const inner of list) {
    if (text.length > length) return `[${text}`;
    text += (text && ',') + beginningOf(inner, length, depth - 1);
  }
  return `[${text}]`;
}

/** A share of 1 as `81.2 %`. */
export function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}

/** A difference of two shares in percentage points: `1.2 points`. */
export function points(difference: number): string {
  return `${(difference * 100).toFixed(1)} points`;
}

/** A number with four significant digits, and no more zeros than it needs: `0.0312`, `1,234`, `2.5e-7`. */
export function short(value: number): string {
  const rounded = Number(value.toPrecision(4));
  const size = Math.abs(rounded);
  if (size !== 0 && (size < 1e-4 || size >= 1e9)) return rounded.toExponential().replace('e+', 'e');
  return rounded.toLocaleString('en-US', { maximumFractionDigits: 8 });
}

/** `3 x ROBLE_IMAGE_EMPTY, 1 x ROBLE_IMAGE_TRUNCATED` */
export function timesByCode(counts: Readonly<Partial<Record<string, number>>>): string {
  return Object.entries(counts)
    .map(([code, times]) => `${times} x ${code}`)
    .join(', ');
}
