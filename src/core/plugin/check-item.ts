import type { SourceItem } from './reader.js';

/** Whether a reader gave a sample, a bad sample or a remark, by the form of it. */
export function isSourceItem(item: unknown): item is SourceItem {
  if (typeof item !== 'object' || item === null) return false;
  const { warning, classes, source, error, label, picture }: Partial<Record<string, unknown>> = { ...item };
  if (typeof warning === 'string' || Array.isArray(classes)) return true;
  if (typeof source !== 'string') return false;
  if (error instanceof Error) return true;
  return (typeof label === 'string' || Number.isInteger(label)) && isPicture(picture);
}

const PICTURE_KINDS: readonly unknown[] = ['encoded', 'pixels', 'prepared', 'strokes'];

function isPicture(given: unknown): boolean {
  return PICTURE_KINDS.includes((given as { kind?: unknown } | undefined)?.kind);
}
