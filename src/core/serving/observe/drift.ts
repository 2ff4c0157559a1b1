import { type AnswerProfile, binOf, measureAnswer } from '../../model/answer-profile.js';
import type { AnswerListener } from '../models/answered-image.js';
import type { ServedModel } from '../models/served-model.js';

/** The newest answers that are looked at, and the part of them that is forgotten at a time. */
const SLICES = 10;
const SLICE_ANSWERS = 1000;
/** With fewer, the numbers say more about chance than about the pictures. */
const MIN_ANSWERS = 500;
/** Indices from which a change is moderate, and large (N. Siddiqi 2006, Credit Risk Scorecards). */
const MODERATE = 0.1;
const LARGE = 0.25;
/** How many times what chance gives on average an index must be to count. */
const CHANCE_FACTOR = 2;

type DriftLevel = 'stable' | 'moderate' | 'large';

/** How far the newest answers are from those of the validation pictures, in one respect. */
type Drift = {
  /** Population stability index. */
  readonly psi: number;
  /** What chance alone would give on average. */
  readonly psiByChance: number;
  readonly level: DriftLevel;
};

/** By type and not by interface: `/stats` may say more than its schema. */
export type DriftMeasures = {
  readonly confidence: Drift & { readonly ks: number };
  readonly brightness: Drift & { readonly ks: number };
  readonly classes: Drift;
};

/** The newest answers of one model, beside its profile. */
class DriftWindow {
  readonly #profile: AnswerProfile;
  readonly #classes: SlidingHistogram;
  readonly #confidence: SlidingHistogram;
  readonly #brightness: SlidingHistogram;

  constructor(profile: AnswerProfile) {
    const histogram = (bins: readonly number[]) => new SlidingHistogram(bins.length, SLICES, SLICE_ANSWERS);
    this.#profile = profile;
    this.#classes = histogram(profile.classes);
    this.#confidence = histogram(profile.confidence.shares);
    this.#brightness = histogram(profile.brightness.shares);
  }

  /** Answers in the window. */
  get count(): number {
    return this.#classes.count;
  }

  add(pixels: Uint8Array, probabilities: Float32Array): void {
    const { label, confidence, brightness } = measureAnswer(pixels, probabilities);
    this.#classes.add(label);
    this.#confidence.add(binOf(this.#profile.confidence.edges, confidence));
    this.#brightness.add(binOf(this.#profile.brightness.edges, brightness));
  }

  /** Undefined while there are too few answers. */
  measure(): DriftMeasures | undefined {
    if (this.count < MIN_ANSWERS) return undefined;
    const { count, classes, confidence, brightness } = this.#profile;
    const ordered = (shares: readonly number[], actual: Sample) => ({
      ...driftOf({ shares, count }, actual),
      ks: kolmogorovSmirnov({ shares, count }, actual),
    });
    return {
      confidence: ordered(confidence.shares, this.#confidence),
      brightness: ordered(brightness.shares, this.#brightness),
      classes: driftOf({ shares: classes, count }, this.#classes),
    };
  }
}

function driftOf(expected: Sample, actual: Sample): Drift {
  const psi = populationStabilityIndex(expected, actual);
  const psiByChance = indexByChance(expected, actual);
  const isReal = psi >= CHANCE_FACTOR * psiByChance;
  const level = isReal && psi >= LARGE ? 'large' : isReal && psi >= MODERATE ? 'moderate' : 'stable';
  return { psi, psiByChance, level };
}

/** Counted for each bin that holds nothing, so that one picture makes no infinite difference (H. Jeffreys 1946). */
const PRIOR = 0.5;

/** Shares of the bins, and of how many pictures they are. */
export interface Sample {
  readonly shares: readonly number[];
  readonly count: number;
}

/**
 * The population stability index: the sum over the bins of (a - e) ln(a / e), where `a` and `e` are the shares of the
 * actual and the expected sample. It is the symmetric divergence of H. Jeffreys (1946), in use for credit scores since
 * E. Lewis (1994) and N. Siddiqi (2006).
 */
export function populationStabilityIndex(expected: Sample, actual: Sample): number {
  const [e, a] = [smoothed(expected), smoothed(actual)];
  return a.reduce((sum, share, i) => sum + (share - e[i]!) * Math.log(share / e[i]!), 0);
}

/**
 * The index that chance alone gives on average: (bins - 1) (1 / n + 1 / m), because the index of samples of one
 * distribution follows chi-squared (B. Yurdakul 2018, Statistical Properties of Population Stability Index).
 */
export function indexByChance(expected: Sample, actual: Sample): number {
  return (expected.shares.length - 1) * (1 / expected.count + 1 / actual.count);
}

/**
 * The distance of Kolmogorov and Smirnov, the largest one between two distribution functions, looked at between the
 * bins: 0 equal, 1 without overlap.
 */
export function kolmogorovSmirnov({ shares: e }: Sample, { shares: a }: Sample): number {
  let [difference, distance] = [0, 0];
  for (const [i, share] of a.entries()) {
    difference += share - e[i]!;
    distance = Math.max(distance, Math.abs(difference));
  }
  return distance;
}

function smoothed({ shares, count }: Sample): number[] {
  const total = count + PRIOR * shares.length;
  return shares.map((share) => (share * count + PRIOR) / total);
}

/** Counts the newest values by their bins; the oldest ones are forgotten a slice at a time. */
export class SlidingHistogram {
  readonly #slices: Uint32Array[];
  readonly #sliceSize: number;
  readonly #counts: Uint32Array;
  #slice = 0;
  #inSlice = 0;
  #count = 0;

  /** Keeps between `(slices - 1) * sliceSize` and `slices * sliceSize` values once it is full. */
  constructor(bins: number, slices: number, sliceSize: number) {
    this.#slices = Array.from({ length: slices }, () => new Uint32Array(bins));
    this.#sliceSize = sliceSize;
    this.#counts = new Uint32Array(bins);
  }

  /** Values that are counted. */
  get count(): number {
    return this.#count;
  }

  /** Of the values in each bin. */
  get shares(): number[] {
    return Array.from(this.#counts, (count) => count / this.#count);
  }

  add(bin: number): void {
    if (this.#inSlice === this.#sliceSize) this.#nextSlice();
    this.#slices[this.#slice]![bin]! += 1;
    this.#counts[bin]! += 1;
    this.#inSlice++;
    this.#count++;
  }

  #nextSlice(): void {
    this.#slice = (this.#slice + 1) % this.#slices.length;
    this.#inSlice = 0;
    const oldest = this.#slices[this.#slice]!;
    for (const [bin, count] of oldest.entries()) {
      this.#counts[bin]! -= count;
      this.#count -= count;
    }
    oldest.fill(0);
  }
}

/** How the newest answers of a model differ from those of the pictures that it was validated on. */
export type DriftReport = {
  /** Answers that were looked at, the newest ones. */
  readonly answers: number;
  /** Null, with the reason, where nothing can be said. */
  readonly measures: DriftMeasures | null;
  readonly reason?: string;
};

/** Compares what models answer in service with the profile in their bundles; each model by itself. */
export class DriftMonitor {
  readonly #windows = new WeakMap<ServedModel, DriftWindow>();

  readonly onImage: AnswerListener = ({ model, pixels, probabilities }) => {
    this.#windowOf(model)?.add(pixels, probabilities);
  };

  report(model: ServedModel): DriftReport {
    const window = this.#windowOf(model);
    if (!window) return { answers: 0, measures: null, reason: 'The bundle has no profile of its answers.' };
    const { count: answers } = window;
    const measures = window.measure();
    return measures
      ? { answers, measures }
      : { answers, measures: null, reason: `Fewer than ${MIN_ANSWERS} answers were given so far.` };
  }

  #windowOf(model: ServedModel): DriftWindow | undefined {
    const { profile } = model.bundle.manifest;
    if (!profile) return undefined;
    const known = this.#windows.get(model);
    if (known) return known;
    const window = new DriftWindow(profile);
    this.#windows.set(model, window);
    return window;
  }
}
