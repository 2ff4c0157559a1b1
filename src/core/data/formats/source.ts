import type { DatasetManifest, SplitName } from '../dataset/format.js';
import type { PackedSample } from '../dataset/stream.js';

/** What a writer of a foreign format gets: what to write, and the samples as a stream. */
export interface ExportSource {
  readonly manifest: DatasetManifest;
  /** The splits to write; the data set has each of them. */
  readonly splits: readonly SplitName[];
  /** Whether samples have groups. */
  readonly hasGroups: boolean;
  /** Largest file, in bytes of pixels, of a format that divides a split into files. */
  readonly maxFileBytes: number;
  samples(split: SplitName): AsyncIterable<PackedSample>;
}

/** A name of a number that sorts as the number does. */
export function paddedNumber(value: number, count: number): string {
  return String(value).padStart(Math.max(5, String(count - 1).length), '0');
}
