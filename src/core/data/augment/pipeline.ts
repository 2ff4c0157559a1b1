import { hash32, Random } from '../../base/random.js';
import type { ImageView, PluginEntry } from '../../plugin/contracts.js';
import { PluginRegistry } from '../../plugin/registry.js';
import type { Operation } from '../dataset/format.js';
import {
  type AugmentSettings,
  CHARACTER_LIMITS,
  type ClassLimit,
  type Strategy,
  type StrategyExtras,
  stepsOf,
} from './settings.js';
import { checkLimits, type LoadedStep, limitSteps, loadSteps } from './steps.js';

/** Plain data, so that a thread can load the same pipeline. */
export interface PipelineOptions extends StrategyExtras {
  /** Value of the paper, for augmenters that fill with it; default 0. */
  readonly background?: number | undefined;
  /** Limits besides those for characters, {@link CHARACTER_LIMITS}. */
  readonly limits?: readonly ClassLimit[] | undefined;
}

/** Names one copy: all its random numbers follow from it. */
export interface CopyKey {
  readonly seed: number;
  /** 32 bits of the identity of the source picture, such as the first of its SHA-256. */
  readonly sample: number;
  /** The number of the copy. */
  readonly copy: number;
}

/** The first 32 bits of a picture's SHA-256 in hexadecimal, which key the random numbers of its copies. */
export function sampleKeyOf(hash: string): number {
  return Number.parseInt(hash.slice(0, 8), 16);
}

export interface AugmentedImage {
  /** uint8, [height, width, channels]; the next call overwrites it. */
  readonly data: Uint8Array;
  /** In the order in which they were applied. */
  readonly operations: readonly Operation[];
  /** Whether another picture was blended in. */
  readonly isBlended: boolean;
}

/**
 * Loads the augmenters of a strategy.
 *
 * @example
 * const pipeline = await loadPipeline(registry, 'medium', { canvasStyle: 0.3 });
 * const { data } = pipeline.apply(picture, { seed: 1, sample: hash32('a.png'), copy: 0 }, 'A');
 * @throws {RobleError} `ROBLE_PLUGIN_UNKNOWN`, `ROBLE_CONFIG_INVALID`
 */
export async function loadPipeline(
  registry: PluginRegistry,
  strategy: Strategy,
  options: PipelineOptions = {},
): Promise<AugmentPipeline> {
  const steps = strokesFirst(await loadSteps(registry, stepsOf(strategy, options), options.background ?? 0));
  const limits = options.limits ?? [];
  checkLimits(steps, limits);
  return new AugmentPipeline(steps, [...CHARACTER_LIMITS, ...limits]);
}

/** Steps that need strokes have to come before those that make a picture part ways with its strokes. */
function strokesFirst(steps: readonly LoadedStep[]): LoadedStep[] {
  const needsStrokes = ({ augmenter }: LoadedStep) => augmenter.needsStrokes === true;
  return [...steps.filter(needsStrokes), ...steps.filter((step) => !needsStrokes(step))];
}

/** A step with the key of its random numbers. */
interface KeyedStep extends LoadedStep {
  readonly stream: number;
}

/**
 * Applies the steps of a strategy, one after the other, each with its probability.
 *
 * Every step has a random stream of its own, which (seed, sample, copy, augmenter) determine, so that another step
 * before or behind it changes nothing of what it draws. The stream of the second step of the same augmenter counts on.
 * Names are keyed by 32 bits of hash: two augmenters would share their numbers with a chance of 1 to 2^32.
 */
export class AugmentPipeline {
  /** All that decides about the pixels besides the key of a copy, as JSON with a fixed order of keys, for recipes. */
  readonly fingerprint: string;
  /** Whether a step blends the picture with another one of its class. Without another one such a step is left out. */
  readonly needsPartner: boolean;
  /** Whether a step redraws strokes. Such a step is left out for a picture that has none. */
  readonly needsStrokes: boolean;
  readonly #steps: readonly KeyedStep[];
  readonly #limits: readonly ClassLimit[];
  readonly #stepsByLabel = new Map<string, readonly KeyedStep[]>();
  #buffers: [ImageView, ImageView] | undefined;

  constructor(steps: readonly LoadedStep[], limits: readonly ClassLimit[]) {
    this.#steps = withStreams(steps);
    this.#limits = limits;
    this.needsPartner = steps.some(({ augmenter }) => augmenter.needsPartner === true);
    this.needsStrokes = steps.some(({ augmenter }) => augmenter.needsStrokes === true);
    this.fingerprint = fingerprintOf(steps, limits);
  }

  /**
   * A changed copy of a picture.
   *
   * @param label the name of its class
   * @param mixed another picture of that class and of the same shape, to blend with
   */
  apply(source: ImageView, key: CopyKey, label: string, mixed?: ImageView): AugmentedImage {
    const buffers = this.#buffersFor(source);
    const operations: Operation[] = [];
    let current = source;
    let isBlended = false;
    for (const { augmenter, probability, parameters, stream } of this.#stepsFor(label)) {
      if (augmenter.needsPartner && !mixed) continue;
      // The strokes are those of the source, and no longer those of a picture that another step made.
      if (augmenter.needsStrokes && !(source.strokes && current === source)) continue;
      const random = new Random(key.seed, 'augment', key.sample, key.copy, stream);
      if (random.float() >= probability) continue;
      const target = current === buffers[0] ? buffers[1] : buffers[0];
      const values = augmenter.apply(current, target, random, parameters, mixed);
      operations.push({ name: augmenter.name, version: augmenter.version, values });
      isBlended ||= augmenter.needsPartner === true;
      current = target;
    }
    if (current === source) buffers[0].data.set(source.data);
    return { data: current === source ? buffers[0].data : current.data, operations, isBlended };
  }

  #stepsFor(label: string): readonly KeyedStep[] {
    let steps = this.#stepsByLabel.get(label);
    if (!steps) {
      steps = limitSteps(this.#steps, this.#limits, label);
      this.#stepsByLabel.set(label, steps);
    }
    return steps;
  }

  /** Two pictures to write to in turn, of the shape of the source. */
  #buffersFor({ width, height, channels }: ImageView): [ImageView, ImageView] {
    const known = this.#buffers?.[0];
    if (known?.width === width && known.height === height && known.channels === channels)
      return this.#buffers!;
    const empty = () => ({ width, height, channels, data: new Uint8Array(width * height * channels) });
    this.#buffers = [empty(), empty()];
    return this.#buffers;
  }
}

function withStreams(steps: readonly LoadedStep[]): KeyedStep[] {
  return steps.map((step, i) => {
    const { name } = step.augmenter;
    const before = steps.slice(0, i).filter(({ augmenter }) => augmenter.name === name).length;
    return { ...step, stream: (hash32(name) + before) >>> 0 };
  });
}

function fingerprintOf(steps: readonly LoadedStep[], limits: readonly ClassLimit[]): string {
  const named = steps.map(({ augmenter: { name, version }, probability, parameters }) => ({
    augmenter: name,
    version,
    probability,
    parameters: sorted(parameters),
  }));
  const used = limits
    .filter(({ augmenter }) => steps.some((step) => step.augmenter.name === augmenter))
    .map(({ labels, augmenter, probability, parameters = {} }) => ({
      labels: [...labels].sort(),
      augmenter,
      probability,
      parameters: sorted(parameters),
    }));
  return JSON.stringify({ steps: named, limits: used });
}

const sorted = (record: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)));

/** A configuration's augmentation, as plain data that passes to a thread. */
export interface Augmentation {
  readonly augment: AugmentSettings;
  /** Value of the paper. */
  readonly background: number;
  readonly plugins: readonly PluginEntry[];
}

/** @throws {RobleError} those of {@link loadPipeline} */
export function openPipeline({ augment, background, plugins }: Augmentation): Promise<AugmentPipeline> {
  return loadPipeline(new PluginRegistry(plugins), augment.strategy, { ...augment, background });
}

/** Samples that copies are made of; each is named by a number. */
export interface CopySource {
  /** The class of each sample. */
  readonly labels: ArrayLike<number>;
  /** Names of the classes. */
  readonly classes: readonly string[];
  pictureOf(sample: number): ImageView;
  /** The samples of each class that copies of the class may be blended with; only asked for when a step blends. */
  members(): readonly (readonly number[])[];
}

/** Makes copies of samples, each blended with another sample of its class where a step asks for one. */
export class CopyMaker {
  readonly #pipeline: AugmentPipeline;
  readonly #source: CopySource;
  readonly #members: readonly (readonly number[])[];

  constructor(pipeline: AugmentPipeline, source: CopySource) {
    this.#pipeline = pipeline;
    this.#source = source;
    this.#members = pipeline.needsPartner ? source.members() : [];
  }

  /** @returns also the sample that was blended in, if one was */
  make(sample: number, key: CopyKey): AugmentedImage & { readonly mixedSample: number | undefined } {
    const { labels, classes } = this.#source;
    const label = labels[sample]!;
    const members = this.#members[label];
    const mixedSample = members && mixingSampleOf(members, sample, key);
    const mixed = mixedSample === undefined ? undefined : this.#source.pictureOf(mixedSample);
    const made = this.#pipeline.apply(this.#source.pictureOf(sample), key, classes[label]!, mixed);
    return { ...made, mixedSample: made.isBlended ? mixedSample : undefined };
  }
}

/** The random stream of the choice of a sample to mix with, apart from those of the augmenters, which their names give. */
const MIXING_STREAM = hash32('partner');

/**
 * The sample that a copy may be blended with: another one of its class, each as likely as any other.
 *
 * @param members the samples of the class, `own` once among them
 * @returns undefined if there is no other
 */
function mixingSampleOf(members: ArrayLike<number>, own: number, key: CopyKey): number | undefined {
  if (members.length < 2) return undefined;
  const last = members.length - 1;
  const random = new Random(key.seed, 'augment', key.sample, key.copy, MIXING_STREAM);
  const chosen = members[random.integer(last)]!;
  return chosen === own ? members[last] : chosen;
}
