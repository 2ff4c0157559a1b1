import type { Finding as BaseFinding } from '../../../base/findings.js';
import { type MonitoredMetric, qualityCurve } from '../../history/metrics.js';
import type { RecordedEpoch, RecordedRun } from '../../history/recorded-run.js';

export const SEVERITIES = ['problem', 'warning', 'info'] as const;

/** What to change, and what in this run speaks for it. */
export interface Suggestion {
  /** The key of the configuration. */
  readonly key: string;
  readonly change: string;
  readonly why: string;
}

/** Something that a run shows. */
export type Finding = BaseFinding<FindingPlace, (typeof SEVERITIES)[number]>;

interface FindingPlace {
  readonly kind: string;
  /** The epochs in which it was seen, and the numbers that were compared. */
  readonly evidence: {
    readonly epochs: readonly number[];
    readonly metrics: Readonly<Record<string, number>>;
  };
  /** Changes of single settings, in place of one suggestion in words. */
  readonly suggestions: readonly Suggestion[];
}

/** A run as the detectors see it. */
export interface StudiedRun {
  readonly run: RecordedRun;
  readonly monitor: MonitoredMetric;
  readonly best: RecordedEpoch | undefined;
}

/** Looks for one thing. It finds nothing where the history lacks what it would have to know. */
export type Detector = (study: StudiedRun) => Finding[];

/** How much better the monitored metric became lately. */
export interface RecentGain {
  /** The epochs that count as recent: the last quarter, three at least. */
  readonly window: number;
  /** Best quality of all epochs less the best before the window; in the unit of the metric. */
  readonly gain: number;
  /** The gain as a share of the value before; for metrics without a fixed scale. */
  readonly relativeGain: number;
  /** The epoch that is best. */
  readonly bestEpoch: number;
  /** The first epoch that was as good as the best but for `tolerance`. */
  readonly reached: (tolerance: number) => number;
}

/** Undefined for a run with too few epochs to distinguish a trend from chance. */
export function recentGain({ run, monitor }: StudiedRun): RecentGain | undefined {
  const curve = qualityCurve(run.epochs, monitor);
  const window = Math.max(3, Math.ceil(curve.length / 4));
  if (curve.length < window + 2) return undefined;
  const best = (part: typeof curve) => part.reduce((a, b) => (b[1] > a[1] ? b : a));
  const [earlier, whole] = [best(curve.slice(0, -window)), best(curve)];
  const gain = whole[1] - earlier[1];
  return {
    window,
    gain,
    relativeGain: earlier[1] === 0 ? Math.sign(gain) : gain / Math.abs(earlier[1]),
    bestEpoch: whole[0],
    reached: (tolerance) => curve.find(([, quality]) => quality >= whole[1] - tolerance)![0],
  };
}
