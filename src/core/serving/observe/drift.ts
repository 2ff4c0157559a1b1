import { type AnswerProfile, binOf, measureAnswer } from '../../model/answer-profile.js';
import { indexByChance, kolmogorovSmirnov, populationStabilityIndex, type Sample } from './divergence.js';
import { SlidingHistogram } from './sliding-histogram.js';

/** The newest answers that are looked at, and the part of them that is forgotten at a time. */
const SLICES = 10;
const SLICE_ANSWERS = 1000;
/** With fewer, the numbers say more about chance than about the pictures. */
export const MIN_ANSWERS = 500;
/** Indices from which a change is moderate, and large (N. Siddiqi 2006, Credit Risk Scorecards). */
const MODERATE = 0.1;
const LARGE = 0.25;
/** How many times what chance gives on average an index must be to count. */
const CHANCE_FACTOR = 2;

type DriftLevel = 'stable' | 'moderate' | 'large';

/** How far the newest answers are from those of the validation pictures, in one respect. */
interface Drift {
  /** Population stability index. */
  readonly psi: number;
  /** What chance alone would give on average. */
  readonly psiByChance: number;
  readonly level: DriftLevel;
}

export interface DriftMeasures {
  readonly confidence: Drift & { readonly ks: number };
  readonly brightness: Drift & { readonly ks: number };
  readonly classes: Drift;
}

/** The newest answers of one model, beside its profile. */
export class DriftWindow {
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
