import { z } from 'zod';
import { checked } from '../../base/schema/checked.js';
import { recordOf } from '../../base/schema/record-of.js';

const stepSchema = z.strictObject({
  augmenter: z.string().min(1).describe('Name of the augmenter; plugins add more.'),
  probability: z.number().min(0).max(1).default(1).describe('Share of the pictures that it changes.'),
  parameters: recordOf(z.unknown()).default({}).describe('Parameters of the augmenter.'),
});

/** One augmenter of a strategy. */
export type AugmentStep = z.output<typeof stepSchema>;

/** Names of the strategies: for drawings, from the simplest to the most complex; then the one for photographs. */
export const STRATEGY_NAMES = ['none', 'light', 'medium', 'aggressive', 'photo'] as const;
export type StrategyName = (typeof STRATEGY_NAMES)[number];

/** What a configuration may hold: the name of a strategy, or its own steps. */
export const strategySchema = z.union([z.enum(STRATEGY_NAMES), z.array(stepSchema)]);
export type Strategy = z.output<typeof strategySchema>;

const probability = z.number().min(0).max(1).default(0);

/**
 * The strategies in the box. Those for drawings differ in complexity, one knob, as in Bengio and others, "Deep learners benefit more
 * from out-of-distribution examples" (AISTATS 2011): first what every hand does, then what a bad scan adds.
 *
 * `photo` is for photographs: one or two changes of each picture besides a crop, as E. Cubuk and others, "RandAugment"
 * (CVPR 2020 workshops) take a few of many operations at one strength. Of theirs it has those that another place, light or
 * camera makes, too; not solarize, posterize, equalize and invert, which no camera does and which take colours away that tell
 * classes apart where there are few pictures; and not rotation, which would put corners of one colour into photographs.
 */
export const STRATEGIES: Readonly<Record<StrategyName, readonly AugmentStep[]>> = {
  none: [],
  light: [
    step('stroke-distortion', 0.4, {
      wobble: 0.04,
      ends: 0.04,
      smoothing: 0.3,
      slant: 0.06,
      aspect: 0.05,
      lineWidth: 0.12,
      partScale: 0.05,
      partRotation: 3,
      partShift: 0.02,
      breaks: 0,
    }),
    step('elastic', 0.5, { alpha: 0.07 }),
    step('affine', 0.9, { rotation: 7, scale: 0.08, aspect: 0.06, shear: 0.1, shift: 0.04 }),
    step('stroke-width', 0.3, { thicker: 0.015, thinner: 0.008 }),
  ],
  medium: [
    step('stroke-distortion', 0.5, {
      wobble: 0.06,
      ends: 0.06,
      smoothing: 0.5,
      slant: 0.1,
      aspect: 0.08,
      lineWidth: 0.2,
      partScale: 0.08,
      partRotation: 5,
      partShift: 0.03,
      breaks: 0.02,
    }),
    step('elastic', 0.6, { alpha: 0.12 }),
    step('affine', 0.95, { rotation: 12, scale: 0.14, aspect: 0.12, shear: 0.2, shift: 0.07 }),
    step('stroke-width', 0.4, { thicker: 0.025, thinner: 0.012 }),
    step('blur', 0.1, { sigma: 0.025 }),
    step('contrast', 0.35, { contrast: 0.2, brightness: 0.02, gamma: 0.25 }),
    step('noise', 0.1, { gaussian: 0.05, saltPepper: 0.004 }),
  ],
  aggressive: [
    step('stroke-distortion', 0.6, {
      wobble: 0.08,
      ends: 0.08,
      smoothing: 0.7,
      slant: 0.14,
      aspect: 0.12,
      lineWidth: 0.3,
      partScale: 0.12,
      partRotation: 7,
      partShift: 0.04,
      breaks: 0.05,
    }),
    step('perspective', 0.3, { shift: 0.08 }),
    step('elastic', 0.85, { alpha: 0.17 }),
    step('affine', 1, { rotation: 17, scale: 0.22, aspect: 0.2, shear: 0.3, shift: 0.09 }),
    step('stroke-width', 0.6, { thicker: 0.035, thinner: 0.014 }),
    step('occlusion', 0.15, { rectangle: 0.22, line: 0.06 }),
    step('blur', 0.2, { sigma: 0.03 }),
    step('contrast', 0.6, { contrast: 0.35, brightness: 0.04, gamma: 0.4 }),
    step('noise', 0.3, { gaussian: 0.1, saltPepper: 0.01 }),
  ],
  photo: [
    step('random-crop', 1, { cut: 0.6, aspect: 0.33 }),
    step('flip', 0.5, { horizontal: 1, vertical: 0 }),
    step('colour-jitter', 0.8, { brightness: 0.3, contrast: 0.3, saturation: 0.4, hue: 0.02 }),
    step('blur', 0.05, { sigma: 0.006 }),
    // A rectangle half of the times; a line of no width changes nothing.
    step('occlusion', 0.4, { rectangle: 0.35, line: 0 }),
  ],
};

/** Steps that a user may add to any strategy, each with its probability. */
const extras = {
  canvasStyle: probability.describe('Share of the copies that are redrawn as on a browser canvas.'),
  mixup: probability.describe('Share of the copies that are blended with another picture of their class.'),
};
const extrasSchema = z.object(extras);
export type StrategyExtras = z.input<typeof extrasSchema>;

const classLimitSchema = z.strictObject({
  labels: z.array(z.string().min(1)).min(1).describe('Names of the classes.'),
  augmenter: z.string().min(1).describe('Name of the augmenter.'),
  probability: z
    .number()
    .min(0)
    .max(1)
    .optional()
    .describe('The augmenter changes at most this share; 0 forbids it.'),
  parameters: recordOf(z.number())
    .optional()
    .describe('Largest values of its parameters, by name; smaller ones stay as they are.'),
});

/** The settings of an augmentation. */
export const augmentSchema = z.strictObject({
  strategy: strategySchema.default('none').describe('A strategy by name, or its own steps in a list.'),
  ...extras,
  limits: z
    .array(classLimitSchema)
    .default([])
    .describe('Bounds for some classes, besides those that keep characters from turning into others.'),
});
export type AugmentSettings = z.output<typeof augmentSchema>;

/**
 * The steps of a strategy. `canvas-style` comes first, because it traces lines, which noise and blur would hide; `mixup` comes
 * last, so that the other picture stays unchanged. Augmenters that need strokes are moved before all of them when they are
 * loaded.
 *
 * @throws {RobleError} `ROBLE_CONFIG_INVALID` for a probability that is not from 0 to 1
 */
export function stepsOf(strategy: Strategy, extras: StrategyExtras = {}): AugmentStep[] {
  const message = 'The settings of the augmentation are not valid.';
  const { canvasStyle, mixup } = checked(extrasSchema, extras, 'ROBLE_CONFIG_INVALID', message);
  return [
    ...(canvasStyle > 0 ? [step('canvas-style', canvasStyle)] : []),
    ...(typeof strategy === 'string' ? STRATEGIES[strategy] : strategy),
    ...(mixup > 0 ? [step('mixup', mixup)] : []),
  ];
}

/** The augmenters of an augmentation, as a registry of plugins knows them. */
export function augmentersOf({ strategy, ...extras }: AugmentSettings) {
  return stepsOf(strategy, extras).map(({ augmenter: name }) => ({ kind: 'augmenter' as const, name }));
}

function step(augmenter: string, probability: number, parameters: Record<string, unknown> = {}): AugmentStep {
  return { augmenter, probability, parameters };
}

/** A bound of one augmenter for some classes. */
export type ClassLimit = z.output<typeof classLimitSchema>;

/** Each character of the text is a class. */
const each = (characters: string): string[] => [...characters];

/** Letters that differ from their capitals by size alone, and 0. */
const CASE_LOOK_ALIKES = each('cCoOsSuUvVwWxXzZkKpPmMyYjJfF0');

/** Dots and short lines: a small change is large for their size, and erasing a part erases them. */
const SMALL_MARKS = each('.,\'`-_:;"^~*');

/** Of ASCII, with which a class that is called by a single character is taken for that character. */
const ALL_CHARACTERS = Array.from({ length: 94 }, (_, i) => String.fromCharCode(33 + i));

/** Limits that keep a character from turning into another one. They apply to classes whose name is a single character. */
export const CHARACTER_LIMITS: readonly ClassLimit[] = [
  // Mirrored, a character is another one or none; with a part cut away, E is F and R is P.
  { labels: ALL_CHARACTERS, augmenter: 'flip', probability: 0 },
  { labels: ALL_CHARACTERS, augmenter: 'random-crop', probability: 0 },
  // Half a turn apart: 6 9, M W, n u, b q, d p, and ! i; a quarter: Z N, < ^ > v V A.
  {
    labels: each('69MWmwnubqdpZNz<>^vVA!i'),
    augmenter: 'affine',
    parameters: { rotation: 15, shear: 0.3 },
  },
  // An eighth of a turn apart: + x X and * ; - / | \ by angle alone, with l I 1 ! ( ) [ ] and 7 near them.
  { labels: each('+xX*'), augmenter: 'affine', parameters: { rotation: 10, shear: 0.12 } },
  { labels: each('-/|\\_~lI1()[]7'), augmenter: 'affine', parameters: { rotation: 8, shear: 0.12 } },
  {
    labels: each('-/|\\_~lI1()[]{}7!'),
    augmenter: 'stroke-distortion',
    parameters: { wobble: 0.04, ends: 0.04, slant: 0.06, breaks: 0 },
  },
  { labels: each('+xX*'), augmenter: 'stroke-distortion', parameters: { slant: 0.06, partRotation: 4 } },
  // Another character if a line is longer or shorter: c o, C G O, u a, v y, n h, r n, 4 9; or in another position: T t +, f F, D P.
  { labels: each('cCGOo0QDuvyYnhr49'), augmenter: 'stroke-distortion', parameters: { ends: 0.04 } },
  // Loops whose ends have to meet.
  { labels: each('oO0DQ'), augmenter: 'stroke-distortion', parameters: { wobble: 0.05 } },
  {
    labels: each('TtfFDPp+'),
    augmenter: 'stroke-distortion',
    parameters: { ends: 0.03, partShift: 0.02, partScale: 0.05 },
  },
  { labels: CASE_LOOK_ALIKES, augmenter: 'affine', parameters: { scale: 0.1 } },
  { labels: CASE_LOOK_ALIKES, augmenter: 'canvas-style', parameters: { scale: 0.1 } },
  // Marks that differ only by position, size and length.
  {
    labels: SMALL_MARKS,
    augmenter: 'affine',
    parameters: { rotation: 10, scale: 0.1, aspect: 0.1, shift: 0.04 },
  },
  {
    labels: SMALL_MARKS,
    augmenter: 'stroke-distortion',
    parameters: { ends: 0.05, partShift: 0.03, aspect: 0.06, lineWidth: 0.15, breaks: 0 },
  },
  { labels: SMALL_MARKS, augmenter: 'elastic', parameters: { alpha: 0.08 } },
  { labels: SMALL_MARKS, augmenter: 'stroke-width', parameters: { thinner: 0 } },
  { labels: SMALL_MARKS, augmenter: 'perspective', parameters: { shift: 0.04 } },
  { labels: SMALL_MARKS, augmenter: 'canvas-style', parameters: { scale: 0.1, shift: 0.04 } },
  { labels: SMALL_MARKS, augmenter: 'noise', parameters: { saltPepper: 0 } },
  { labels: SMALL_MARKS, augmenter: 'occlusion', probability: 0 },
  { labels: SMALL_MARKS, augmenter: 'cutmix', probability: 0 },
  // Without their dots or one of their lines, these are other characters.
  { labels: each('ij!?%=EFBRQtf+'), augmenter: 'occlusion', probability: 0 },
  { labels: each('ij?='), augmenter: 'stroke-distortion', parameters: { breaks: 0 } },
];
