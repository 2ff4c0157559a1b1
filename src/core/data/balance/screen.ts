import { isPlainMark } from '../dataset/plain-mark.js';
import type { ImageView } from '../../plugin/contracts.js';
import { countOf } from '../../base/text.js';
import { blockOf, hashOf, type Pool, pictureOf } from './pool.js';

/** Samples of the train splits that are not used, by reason. */
export interface LeftOut {
  /** Copies that an earlier balancing made: copies are made of originals only. */
  readonly copies: number;
  /** The same picture is in what a model is tested on. */
  readonly leaks: number;
  /** Of a group (a writer, a patient) that shares another picture with what a model is tested on. */
  readonly groups: number;
  /** The same picture of the same class was there before. */
  readonly duplicates: number;
}

export interface Screened {
  /** Places in the pool of the samples to train on, in order. */
  readonly usable: readonly number[];
  readonly leftOut: LeftOut;
}

/** Chooses the samples that may be trained on. */
export function screen(pool: Pool): Screened {
  const tested = new Set(samplesOf(pool, (split) => split !== 'train').map((sample) => hashOf(pool, sample)));
  const sharing = groupsSharing(pool, tested);
  const seen = new Set<string>();
  const leftOut = { copies: 0, leaks: 0, groups: 0, duplicates: 0 };
  const usable: number[] = [];
  for (const sample of samplesOf(pool, (split) => split === 'train')) {
    const hash = hashOf(pool, sample);
    const labelled = `${hash} ${pool.labels[sample]}`;
    if (pool.provenance[sample]!.copy) leftOut.copies += 1;
    else if (tested.has(hash)) leftOut.leaks += 1;
    else if (sharing.has(groupOf(pool, sample))) leftOut.groups += 1;
    else if (seen.has(labelled)) leftOut.duplicates += 1;
    else {
      seen.add(labelled);
      usable.push(sample);
    }
  }
  return { usable, leftOut };
}

/**
 * The groups of train that a model is tested on by another name: they have a picture of validation or test. Bars and dots,
 * which many people draw alike, say nothing of that.
 */
function groupsSharing(pool: Pool, tested: ReadonlySet<string>): Set<string | undefined> {
  const shared = samplesOf(pool, (split) => split === 'train').filter(
    (sample) =>
      groupOf(pool, sample) !== undefined &&
      tested.has(hashOf(pool, sample)) &&
      !isPlain(pictureOf(pool, sample)),
  );
  return new Set(shared.map((sample) => groupOf(pool, sample)));
}

const isPlain = ({ data, width, height, channels }: ImageView) =>
  isPlainMark(data, { width, height, channels: channels as 1 | 3 });

/** Names of groups mean something within a source only. */
function groupOf({ blocks, provenance }: Pool, sample: number): string | undefined {
  const { group } = provenance[sample]!;
  return group === undefined ? undefined : `${blockOf(blocks, sample).source} ${group}`;
}

function samplesOf({ blocks }: Pool, isWanted: (split: string) => boolean): number[] {
  return blocks.flatMap(({ split, start, count }) =>
    isWanted(split) ? Array.from({ length: count }, (_, i) => start + i) : [],
  );
}

/** What was left out, in sentences. */
export function describeLeftOut({ copies, leaks, groups, duplicates }: LeftOut): string[] {
  const sentences: [number, string][] = [
    [copies, 'left out: copies that an earlier balancing made.'],
    [leaks, 'left out of train: the same pictures are in validation or test.'],
    [groups, 'left out of train: their groups share other pictures with validation or test.'],
    [duplicates, 'left out of train: the same pictures of the same class are there once more.'],
  ];
  return sentences.flatMap(([count, text]) => (count > 0 ? [`${countOf(count, 'sample')} ${text}`] : []));
}
