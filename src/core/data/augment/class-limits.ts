import { z } from 'zod';
import { recordOf } from '../../base/collections.js';

/** What a configuration says of {@link ClassLimit}. */
export const classLimitSchema = z.strictObject({
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

/** A bound of one augmenter for some classes. */
export type ClassLimit = z.output<typeof classLimitSchema>;

/** Each character of the text is a class. */
const each = (characters: string): string[] => [...characters];

/** Letters that differ from their capitals by size alone, and 0. */
const CASE_TWINS = each('cCoOsSuUvVwWxXzZkKpPmMyYjJfF0');

/** Dots and short lines: a small change of them is large for their size, and what is erased is all there was. */
const SMALL_MARKS = each('.,\'`-_:;"^~*');

/**
 * What keeps a character from turning into another one. Only classes whose name is a single character are meant; no
 * rule flips anything, because no augmenter does.
 */
export const CHARACTER_LIMITS: readonly ClassLimit[] = [
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
  // Another one when a line is longer or shorter: c o, C G O, u a, v y, n h, r n, 4 9; or sits elsewhere: T t +, f F, D P.
  { labels: each('cCGOo0QDuvyYnhr49'), augmenter: 'stroke-distortion', parameters: { ends: 0.04 } },
  // Loops whose ends have to meet.
  { labels: each('oO0DQ'), augmenter: 'stroke-distortion', parameters: { wobble: 0.05 } },
  {
    labels: each('TtfFDPp+'),
    augmenter: 'stroke-distortion',
    parameters: { ends: 0.03, partShift: 0.02, partScale: 0.05 },
  },
  { labels: CASE_TWINS, augmenter: 'affine', parameters: { scale: 0.1 } },
  { labels: CASE_TWINS, augmenter: 'canvas-style', parameters: { scale: 0.1 } },
  // Marks that differ by place, size and length alone.
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
  // Without their dots or one of their lines, these are others.
  { labels: each('ij!?%=EFBRQtf+'), augmenter: 'occlusion', probability: 0 },
  { labels: each('ij?='), augmenter: 'stroke-distortion', parameters: { breaks: 0 } },
];
