import type { ZodType } from 'zod';
import { Random } from '../base/random.js';
import { packDrawing } from '../image/strokes/packed.js';
import type { ImageShape } from '../model/spec.js';
import type { Augmenter, AugmenterFactory, AugmenterInstance, ImageView } from './contracts.js';
import { faultInResult } from './guard.js';
import { describeThrown } from './odd-values.js';

type AnyAugmenter = Augmenter | AugmenterFactory;
type Parameters = Readonly<Record<string, unknown>>;

/** What an augmenter is tried with: each shape with each seed and each set of parameters. */
export interface AugmenterTrials {
  readonly shapes: readonly ImageShape[];
  /** A picture and a stream of random numbers for each, from 0. */
  readonly seeds: number;
  readonly parameters: readonly Parameters[];
}

/** Enough to find what would spoil data: it takes milliseconds, before an augmenter is let in. */
const QUICK_TRIALS: AugmenterTrials = {
  // Of a size that no other has, so that rows, columns and channels that are mixed up show.
  shapes: [
    { width: 28, height: 28, channels: 1 },
    { width: 19, height: 13, channels: 3 },
  ],
  seeds: 4,
  parameters: [{}],
};

/** Bytes before and after a picture in which nothing may change. */
const MARGIN = 4096;
/** What is in a target before it is written: two values, so that a part that stays unwritten shows. */
const FILLINGS = [0x55, 0xaa] as const;

/**
 * What is wrong with an augmenter, found by using it as a pipeline does: whether the same input gives the same bytes
 * whatever it did before, all of the target is written and nothing else, and the drawn values are numbers. Each fault
 * once, with the first trial that shows it.
 */
export function checkAugmenter(plugin: AnyAugmenter, trials: AugmenterTrials = QUICK_TRIALS): string[] {
  const form = checkDescription(plugin);
  if (form.length > 0) return form;
  const faults = new Map<string, string>();
  for (const given of trials.parameters) {
    const { data, error } = plugin.parameters.safeParse(given);
    if (error) {
      faults.set(`its parameters refuse ${JSON.stringify(given)}: ${error.issues[0]!.message}`, '');
      continue;
    }
    for (const shape of trials.shapes)
      for (let seed = 0; seed < trials.seeds; seed++)
        for (const fault of tryOnce(plugin, data, shape, seed))
          if (!faults.has(fault)) faults.set(fault, describeTrial(shape, seed, given));
  }
  return [...faults].map(([fault, where]) => fault + where);
}

function describeTrial({ width, height, channels }: ImageShape, seed: number, parameters: Parameters) {
  const given = Object.keys(parameters).length > 0 ? ` and the parameters ${JSON.stringify(parameters)}` : '';
  return ` (with a picture of ${width}x${height}x${channels}, seed ${seed}${given})`;
}

function checkDescription(plugin: AnyAugmenter): string[] {
  const { version, description, parameters } = plugin;
  const works = 'create' in plugin ? plugin.create : plugin.apply;
  if (typeof works !== 'function') return ['it has neither a function "create" nor "apply"'];
  if (!Number.isInteger(version)) return [`its "version" is ${JSON.stringify(version)}, no whole number`];
  if (typeof description !== 'string' || description === '') return ['it has no "description"'];
  if (typeof (parameters as ZodType | undefined)?.safeParse !== 'function')
    return ['its "parameters" are no schema of zod'];
  const { error } = parameters.safeParse({});
  return error ? [`its parameters do not have a default each: ${error.issues[0]!.message}`] : [];
}

function tryOnce(plugin: AnyAugmenter, parameters: Parameters, shape: ImageShape, seed: number): string[] {
  try {
    const worker = instanceOf(plugin);
    const first = applyOnce(plugin, { worker, shape, seed, parameters });
    const again = applyOnce(plugin, { shape, seed, parameters });
    const otherContent = applyOnce(plugin, { shape, seed, parameters, filling: FILLINGS[1] });
    const { width, height, channels } = shape;
    applyOnce(plugin, {
      worker,
      shape: { width: height + 3, height: width + 1, channels },
      seed: seed + 1,
      parameters,
    });
    const later = applyOnce(plugin, { worker, shape, seed, parameters });
    const fault = !sameBytes(first.pixels, again.pixels)
      ? 'the same picture and random numbers do not give the same bytes'
      : !sameBytes(first.pixels, otherContent.pixels)
        ? 'it leaves a part of its target unwritten'
        : !sameBytes(first.pixels, later.pixels)
          ? 'its result depends on the picture that it changed before'
          : undefined;
    return [
      ...first.faults,
      ...again.faults,
      ...(fault === undefined ? [] : [fault]),
      ...(first.next === again.next ? [] : ['it draws more or fewer random numbers for the same picture']),
      ...(JSON.stringify(first.drawn) === JSON.stringify(again.drawn)
        ? []
        : ['it gives other drawn values the second time']),
    ];
  } catch (error) {
    return [error instanceof Malformed ? error.message : `it threw: ${describeThrown(error)}`];
  }
}

/** What a plugin gave is of a form that no trial can go on with. */
class Malformed extends Error {}

/** @throws {Malformed} */
function wellFormed<T>(where: string, value: T): T {
  const fault = faultInResult(where, value);
  if (fault !== undefined) throw new Malformed(fault);
  return value;
}

const sameBytes = (a: Uint8Array, b: Uint8Array) => a.every((byte, i) => byte === b[i]);

export const instanceOf = (plugin: AnyAugmenter): AugmenterInstance =>
  'create' in plugin ? wellFormed('create', plugin.create()) : plugin;

interface Application {
  readonly shape: ImageShape;
  readonly seed: number;
  /** As the schema gives them. */
  readonly parameters: Parameters;
  /** By default a new one. */
  readonly worker?: AugmenterInstance;
  readonly filling?: number;
}

/** A picture and what became of it. */
export function applyOnce(
  plugin: AnyAugmenter,
  { shape, seed, parameters, worker = instanceOf(plugin), filling = FILLINGS[0] }: Application,
) {
  const source = testPicture(shape, seed);
  const partner = plugin.needsPartner ? testPicture(shape, seed + 1) : undefined;
  const kept = source.data.slice();
  const random = new Random(seed, 'augment', shape.width);
  const { target, all } = targetIn(shape, filling);
  const drawn: unknown = wellFormed('apply', worker.apply(source, target, random, parameters, partner));
  const values = Object.values(drawn ?? {});
  const margins = [all.subarray(0, MARGIN), all.subarray(-MARGIN)];
  const faults = [
    ...(sameBytes(source.data, kept) ? [] : ['it changes the picture that it is given']),
    ...(margins.every((margin) => margin.every((byte) => byte === filling))
      ? []
      : ['it writes outside of its target']),
    ...(typeof drawn === 'object' && drawn !== null ? [] : ['it does not give the values that it drew']),
    ...(values.every(Number.isFinite)
      ? []
      : [`it gives drawn values that are no numbers: ${values.join(', ')}`]),
  ];
  return { source: kept, pixels: target.data, drawn, next: random.uint32(), faults };
}

function targetIn({ width, height, channels }: ImageShape, filling: number) {
  const bytes = width * height * channels;
  const all = new Uint8Array(MARGIN + bytes + MARGIN).fill(filling);
  const target: ImageView = { width, height, channels, data: all.subarray(MARGIN, MARGIN + bytes) };
  return { target, all };
}

/** A stroke across the picture, on paper with some grain; a pure function of shape and number. */
export function testPicture({ width, height, channels }: ImageShape, number: number): ImageView {
  const random = new Random(number, 'augment', 1);
  const data = Uint8Array.from({ length: width * height * channels }, (_, i) => {
    const pixel = Math.floor(i / channels);
    const [x, y] = [pixel % width, Math.floor(pixel / width)];
    const away = Math.abs(x / width - y / height + (number % 3) * 0.1);
    return Math.min(255, Math.round(255 * Math.max(0, 1 - 8 * away)) + (random.uint32() & 7));
  });
  const strokes = packDrawing(
    [
      [
        [width * 0.2, height * 0.2],
        [width * 0.8, height * 0.8],
      ],
    ],
    { width, height },
  );
  return { width, height, channels, data, strokes };
}
