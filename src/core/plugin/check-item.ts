import { type Picture, type SourceItem, SPLITS } from './reader.js';

type Fields<T> = Partial<Record<keyof T & string, unknown>>;

/** Whether a reader gave a sample, a bad sample or a remark, by the form of it. */
export function isSourceItem(item: unknown): item is SourceItem {
  if (typeof item !== 'object' || item === null) return false;
  const { warning, classes, source, error, label, group, picture }: Partial<Record<string, unknown>> = {
    ...item,
  };
  if (typeof warning === 'string' || Array.isArray(classes)) return true;
  if (typeof source !== 'string') return false;
  if (error instanceof Error) return true;
  const isGroup = group === undefined || typeof group === 'string';
  return (typeof label === 'string' || Number.isInteger(label)) && isGroup && isPicture(picture);
}

/** Whether the split of a sample is one that roble knows, or left open. */
export const hasKnownSplit = (item: SourceItem): boolean =>
  !('split' in item) || item.split === undefined || SPLITS.includes(item.split);

type AnyPicture = Fields<
  Picture & { from: unknown; pixels: unknown; shape: unknown; strokes: unknown; unit: unknown }
>;

function isPicture(given: unknown): boolean {
  const { kind, from, pixels, shape, strokes, unit }: AnyPicture = { ...(given as AnyPicture) };
  if (kind === 'encoded') return typeof from === 'string' || from instanceof Uint8Array;
  if (kind === 'pixels') return pixels instanceof Uint8Array && isShape(shape, pixels.length);
  if (kind === 'prepared') return pixels instanceof Uint8Array;
  return kind === 'strokes' && Array.isArray(strokes) && typeof unit === 'number';
}

function isShape(given: unknown, bytes: number): boolean {
  const { width, height, channels }: Fields<{ width: 1; height: 1; channels: 1 }> = { ...(given as object) };
  return Number(width) * Number(height) * Number(channels) === bytes;
}
