import { RobleError } from '../../base/errors.js';
import { didYouMean } from '../../base/text/text.js';
import type { Constant } from '../onnx/constant.js';
import type { FileGraph, FileNode } from '../onnx/file-graph.js';

/**
 * What a network takes for a value v of a picture, 0..255: (v / 255 - mean) / deviation, for each channel (red, green, blue).
 */
export interface Normalization {
  readonly mean: readonly number[];
  readonly deviation: readonly number[];
}

/** The order of a batch of pictures: [N, channels, height, width] or [N, height, width, channels]. */
export type Layout = 'NCHW' | 'NHWC';

/** Which side of such a batch is which. */
export const AXES = {
  NCHW: { channels: 1, height: 2, width: 3 },
  NHWC: { channels: 3, height: 1, width: 2 },
} as const;

/** The customary ones by their names. */
export const NORMALIZATIONS = {
  /** Of torchvision, timm and most networks trained with PyTorch. */
  imagenet: { mean: [0.485, 0.456, 0.406], deviation: [0.229, 0.224, 0.225] },
  '0..1': { mean: [0, 0, 0], deviation: [1, 1, 1] },
  '-1..1': { mean: [0.5, 0.5, 0.5], deviation: [0.5, 0.5, 0.5] },
  /** Values of 0..255, as they are. */
  none: { mean: [0, 0, 0], deviation: [1 / 255, 1 / 255, 1 / 255] },
} as const satisfies Record<string, Normalization>;
export type NormalizationName = keyof typeof NORMALIZATIONS;

/** What a flag or a setting says: a name, or numbers. */
export type NormalizationChoice = NormalizationName | Normalization;

/**
 * For that many channels.
 *
 * @throws {RobleError} `ROBLE_USAGE` where the numbers are not as many, or not such that they can be divided by
 */
export function normalizationOf(choice: NormalizationChoice, channels: number): Normalization {
  const known = typeof choice === 'string' ? NORMALIZATIONS[choice] : undefined;
  if (typeof choice === 'string' && !known)
    throw new RobleError('ROBLE_USAGE', 'A normalization is not known.', {
      received: choice,
      expected: Object.keys(NORMALIZATIONS).join(', '),
      nextSteps: didYouMean(choice, Object.keys(NORMALIZATIONS)),
    });
  const { mean, deviation } = known ?? (choice as Normalization);
  const forEach = (values: readonly number[]) =>
    values.length === 1 || known
      ? Array.from({ length: channels }, (_, i) => values[i % values.length]!)
      : [...values];
  const normalization = { mean: forEach(mean), deviation: forEach(deviation) };
  const isRight =
    [...normalization.mean, ...normalization.deviation].every(Number.isFinite) &&
    normalization.deviation.every((value) => value > 0) &&
    normalization.mean.length === channels &&
    normalization.deviation.length === channels;
  if (isRight) return normalization;
  throw new RobleError('ROBLE_USAGE', 'The mean and deviation of the channels do not fit the network.', {
    received: `mean ${mean.join(', ')}; deviation ${deviation.join(', ')}`,
    expected: `${channels} finite numbers each, in units of 0..1, deviations above 0`,
  });
}

/** What the writer of a file says in its metadata, in words of Windows ML, or as `mean` and `std`; undefined: nothing. */
export function declaredNormalization(
  metadata: ReadonlyMap<string, string>,
): NormalizationChoice | undefined {
  const range = metadata.get('Image.NominalPixelRange');
  const named = new Map<string, NormalizationName>([
    ['NominalRange_0_255', 'none'],
    ['Normalized_0_1', '0..1'],
    ['Normalized_1_1', '-1..1'],
  ]).get(range ?? '');
  if (named) return named;
  const [mean, deviation] = [['mean'], ['std', 'deviation']].map((keys) =>
    numbersIn(keys.map((key) => metadata.get(key)).find((text) => text !== undefined)),
  );
  return mean && deviation && { mean, deviation };
}

/** `[0.485, 0.456, 0.406]`, with or without brackets. */
function numbersIn(text: string | undefined): number[] | undefined {
  const inner = text && /^\s*[[(]?([^[\]()]{1,200})[\])]?\s*$/.exec(text)?.[1];
  const numbers = inner
    ? inner.split(',').map((part) => (part.trim() === '' ? Number.NaN : Number(part)))
    : [];
  return numbers.length > 0 && numbers.every(Number.isFinite) ? numbers : undefined;
}

/** value * scale + shift for each channel; a single number of each where all channels have the same. */
export interface Affine {
  readonly scale: readonly number[];
  readonly shift: readonly number[];
}

/** Sums and products with constants that a graph begins with, taken together; and the value that they end at. */
export interface Beginning {
  readonly affine: Affine;
  /** How many operators it is made of, without changes of type. */
  readonly steps: number;
  readonly end: string;
  /** The nodes that take that value. */
  readonly next: readonly FileNode[];
}

/**
 * Follows the graph from its input as long as there is one way, of sums and products with one number or one for each channel.
 *
 * @param channelAxis of the input, 1 (NCHW) or 3 (NHWC)
 */
export function beginningOf(
  { consumers, constants }: FileGraph,
  input: string,
  channelAxis: number,
): Beginning {
  let affine: Affine = { scale: [1], shift: [0] };
  let [end, steps] = [input, 0];
  for (;;) {
    const next = consumers.get(end) ?? [];
    const step = next.length === 1 ? affineStep(next[0]!, end, constants, channelAxis) : undefined;
    if (!step) return { affine, steps, end, next };
    affine = compose(affine, step);
    if (next[0]!.operator !== 'Cast' && next[0]!.operator !== 'Identity') steps += 1;
    end = next[0]!.outputs[0]!;
  }
}

/** What a node does with each number, where that is a sum or a product. */
function affineStep(
  node: FileNode,
  from: string,
  constants: ReadonlyMap<string, Constant>,
  channelAxis: number,
): Affine | undefined {
  if (node.operator === 'Cast' || node.operator === 'Identity') return { scale: [1], shift: [0] };
  const [a, b] = node.inputs;
  const constant = constants.get((a === from ? b : a) ?? '');
  const values = constant && perChannel(constant, channelAxis);
  if (!values) return undefined;
  const isFirst = a === from;
  const all = (value: number) => values.map(() => value);
  switch (node.operator) {
    case 'Add':
      return { scale: all(1), shift: values };
    case 'Sub':
      return isFirst
        ? { scale: all(1), shift: values.map((value) => -value) }
        : { scale: all(-1), shift: values };
    case 'Mul':
      return { scale: values, shift: all(0) };
    case 'Div':
      return isFirst ? { scale: values.map((value) => 1 / value), shift: all(0) } : undefined;
    default:
      return undefined;
  }
}

/** The numbers of a constant that has one, or one for each channel. */
function perChannel(constant: Constant, channelAxis: number): number[] | undefined {
  const { dims, count, kind } = constant;
  if (kind !== 'float' || count < 1 || count > 4 || dims.length > 4) return undefined;
  const fromEnd = 4 - channelAxis;
  const isChannel = count === 1 || dims.at(-fromEnd) === count;
  return isChannel ? [...constant.floats()] : undefined;
}

function compose(first: Affine, then: Affine): Affine {
  const channels = Math.max(first.scale.length, then.scale.length);
  const at = (values: readonly number[], i: number) => values[values.length === 1 ? 0 : i]!;
  const each = (compute: (i: number) => number) => Array.from({ length: channels }, (_, i) => compute(i));
  return {
    scale: each((i) => at(first.scale, i) * at(then.scale, i)),
    shift: each((i) => at(first.shift, i) * at(then.scale, i) + at(then.shift, i)),
  };
}

/**
 * In which range a graph that normalizes by itself expects the values, by how much it divides them: values of 0..1 are
 * divided by a fifth or so, values of 0..255 by 50 and more.
 */
export function expectedRange({ scale, shift }: Affine): '0..1' | 'none' {
  const deviation = Math.max(...scale.map((value) => Math.abs(1 / value)));
  const mean = Math.max(...scale.map((value, i) => Math.abs(shift[i]! / value)));
  return deviation > 8 || mean > 2 ? 'none' : '0..1';
}
