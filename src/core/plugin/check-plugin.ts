import type { ZodType } from 'zod';
import { Random } from '../base/random.js';
import { packDrawing } from '../image/strokes/packed.js';
import { layerSchema } from '../model/spec.js';
import type { Augmenter, AugmenterFactory, ImageView, PluginKind, Preset } from './contracts.js';

/**
 * What is wrong with a plugin, as parts of a sentence; none: it is what it says. Augmenters and presets are tried; of the
 * other kinds only the form is looked at, because they need a model, a device or data.
 *
 * @param name the name by which its package announces it
 */
export async function checkPlugin(kind: PluginKind, plugin: unknown, name: string): Promise<string[]> {
  if (typeof plugin !== 'object' || plugin === null)
    return [`its export "plugin" is ${typeOf(plugin)}, no object`];
  const said = (plugin as { name?: unknown }).name;
  const faults = [
    ...(said === name ? [] : [`its name is ${JSON.stringify(said)}, and its package says "${name}"`]),
    ...missingFunctions(kind, plugin as Record<string, unknown>),
  ];
  if (faults.length > 0) return faults;
  if (kind === 'preset') return checkPreset(plugin as Preset);
  if (kind === 'augmenter') return checkAugmenter(plugin as Augmenter | AugmenterFactory);
  return [];
}

const FUNCTIONS: Readonly<Record<PluginKind, readonly string[]>> = {
  augmenter: [],
  'serving-backend': ['load'],
  'training-engine': ['devices', 'open'],
  reader: ['read'],
  preset: [],
};

function missingFunctions(kind: PluginKind, plugin: Record<string, unknown>): string[] {
  return FUNCTIONS[kind]
    .filter((each) => typeof plugin[each] !== 'function')
    .map((each) => `its "${each}" is ${typeOf(plugin[each])}, no function`);
}

const typeOf = (value: unknown) => (value === null ? 'null' : typeof value);

function checkPreset({ layers }: Preset): string[] {
  if (!Array.isArray(layers) || layers.length === 0) return ['its "layers" are no list of layers'];
  return layers.flatMap((layer, i) => {
    const { error } = layerSchema.safeParse(layer);
    return error ? [`its layers.${i} is not valid: ${error.issues[0]!.message}`] : [];
  });
}

/** Pictures of a size that no other has, so that rows, columns and channels that are mixed up show. */
const SHAPES = [
  { width: 28, height: 28, channels: 1 },
  { width: 19, height: 13, channels: 3 },
] as const;
/** Bytes before and after a picture in which nothing may change. */
const MARGIN = 4096;
const RUNS = 4;

/**
 * What is wrong with an augmenter, found by using it as a pipeline does: whether the same input gives the same bytes, all
 * of the target is written and nothing else, and the drawn values are numbers.
 *
 * @param parameters default: those that the augmenter has by itself
 */
export function checkAugmenter(
  plugin: Augmenter | AugmenterFactory,
  parameters: Readonly<Record<string, unknown>> = {},
): string[] {
  const form = checkDescription(plugin, parameters);
  if (form.length > 0) return form;
  const faults = new Set<string>();
  for (const shape of SHAPES)
    for (let run = 0; run < RUNS && faults.size === 0; run++)
      for (const fault of attempt(() => tryOnce(plugin, plugin.parameters.parse(parameters), shape, run)))
        faults.add(fault);
  return [...faults];
}

function attempt(work: () => string[]): string[] {
  try {
    return work();
  } catch (error) {
    return [`it threw: ${(error as Error)?.message ?? error}`];
  }
}

function checkDescription(
  plugin: Augmenter | AugmenterFactory,
  given: Readonly<Record<string, unknown>>,
): string[] {
  const { version, description, parameters } = plugin;
  const works = 'create' in plugin ? plugin.create : plugin.apply;
  if (typeof works !== 'function') return ['it has neither a function "create" nor "apply"'];
  if (!Number.isInteger(version)) return [`its "version" is ${JSON.stringify(version)}, no whole number`];
  if (typeof description !== 'string' || description === '') return ['it has no "description"'];
  if (typeof (parameters as ZodType | undefined)?.safeParse !== 'function')
    return ['its "parameters" are no schema of zod'];
  const { error } = parameters.safeParse(given);
  return error ? [`its parameters do not have a default each: ${error.issues[0]!.message}`] : [];
}

type Shape = (typeof SHAPES)[number];

function tryOnce(
  plugin: Augmenter | AugmenterFactory,
  parameters: Readonly<Record<string, unknown>>,
  shape: Shape,
  run: number,
): string[] {
  const source = picture(shape, run);
  const partner = plugin.needsPartner ? picture(shape, run + RUNS) : undefined;
  const before = source.data.slice();
  const results = [0x55, 0xaa].map((filling) => {
    const random = new Random(run, 'augment', shape.width);
    const { target, all } = targetIn(shape, filling);
    const worker = 'create' in plugin ? plugin.create() : plugin;
    const drawn = worker.apply(source, target, random, parameters, partner);
    const isSourceChanged = source.data.some((byte, i) => byte !== before[i]);
    source.data.set(before);
    return { target, drawn, next: random.uint32(), outside: isMarginTouched(all, filling), isSourceChanged };
  });
  const [one, other] = results as [(typeof results)[0], (typeof results)[0]];
  const values = Object.values(one.drawn ?? {});
  return [
    ...(results.some(({ isSourceChanged }) => isSourceChanged)
      ? ['it changes the picture that it is given']
      : []),
    ...(results.some(({ outside }) => outside) ? ['it writes outside of its target'] : []),
    ...(one.target.data.every((byte, i) => byte === other.target.data[i])
      ? []
      : [
          'the same picture and random numbers do not give the same bytes, or it leaves a part of its target unwritten',
        ]),
    ...(one.next === other.next ? [] : ['it draws more or fewer random numbers for the same picture']),
    ...(one.drawn !== undefined && one.drawn !== null && typeof one.drawn === 'object'
      ? []
      : ['it does not give the values that it drew']),
    ...(values.every(Number.isFinite)
      ? []
      : [`it gives drawn values that are no numbers: ${values.join(', ')}`]),
    ...(JSON.stringify(one.drawn) === JSON.stringify(other.drawn)
      ? []
      : ['it gives other drawn values the second time']),
  ];
}

function targetIn({ width, height, channels }: Shape, filling: number) {
  const bytes = width * height * channels;
  const all = new Uint8Array(MARGIN + bytes + MARGIN).fill(filling);
  const target: ImageView = { width, height, channels, data: all.subarray(MARGIN, MARGIN + bytes) };
  return { target, all };
}

const isMarginTouched = (all: Uint8Array, filling: number) =>
  [all.subarray(0, MARGIN), all.subarray(-MARGIN)].some((margin) => margin.some((byte) => byte !== filling));

/** A stroke across the picture, on paper with some grain. */
function picture({ width, height, channels }: Shape, number: number): ImageView {
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
