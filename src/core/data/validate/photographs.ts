import { samplesByClass } from '../../base/collections.js';
import { median } from '../../base/statistics.js';
import { countOf } from '../../base/text/text.js';
import type { PhotographStatistics, SubjectPhotographs } from './photograph-statistics.js';
import { type Finding, type FoundSample, foundSample, type Subject, type SubjectSplit } from './subject.js';

interface Scored {
  readonly score: number;
  readonly found: FoundSample;
}

const worstFirst = (scored: readonly Scored[]): FoundSample[] =>
  [...scored].sort((a, b) => b.score - a.score).map(({ found }) => found);

/** Least blur that is called so, and robust standard deviations from the median of the class, up to a difference that is enough. */
const BLURRED = 0.7;
const FAR = 3.5;
const ENOUGH = 0.45;
/** Least deviation that counts, however similar the pictures of a class are. */
const LEAST_DEVIATION = 0.03;
/** Fewest pictures of a class that show what is usual in it; those of a smaller one are compared with all. */
const FEWEST = 20;

/** Photographs that are far more blurred than others of their class, or enlarged from far fewer pixels. */
export function findBlurred(subject: Subject, photographs: SubjectPhotographs): Finding[] {
  const all = blursOf([...photographs.values()].flat());
  const scored = subject.splits.flatMap((split) =>
    blurredOf(subject, split, photographs.get(split.split)!, all),
  );
  if (scored.length === 0) return [];
  const is = scored.length === 1 ? 'is' : 'are';
  return [
    {
      check: 'blurred',
      severity: 'info',
      message: `${countOf(scored.length, 'photograph')} ${is} far more blurred than is usual: out of focus, moved, or enlarged from few pixels.`,
      suggestion:
        'Look at them (--html FILE). Take out those that nobody could name; the others may stay, where the model will meet such pictures too.',
      samples: worstFirst(scored),
    },
  ];
}

const blursOf = (measures: readonly PhotographStatistics[]): number[] =>
  measures.flatMap(({ blur }) => (blur === undefined ? [] : [blur]));

function blurredOf(
  subject: Subject,
  split: SubjectSplit,
  measures: readonly PhotographStatistics[],
  all: readonly number[],
): Scored[] {
  const everyone = [...split.labels.keys()];
  return samplesByClass(split.labels, subject.manifest.classes.length, everyone).flatMap((own) => {
    const ownBlurs = blursOf(own.map((i) => measures[i]!));
    const usual = ownBlurs.length < FEWEST ? all : ownBlurs;
    if (usual.length < FEWEST) return [];
    const centre = median(usual);
    const deviation = 1.4826 * median(usual.map((value) => Math.abs(value - centre)));
    const limit = Math.max(BLURRED, centre + Math.min(ENOUGH, FAR * Math.max(deviation, LEAST_DEVIATION)));
    return own.flatMap((index) => {
      const { blur } = measures[index]!;
      if (blur === undefined || blur < limit) return [];
      const detail = `blur ${blur.toFixed(2)}, usual is ${centre.toFixed(2)}`;
      return [{ score: blur - limit, found: foundSample(subject, split, index, detail) }];
    });
  });
}

/** Levels of 255: lighter than this is nothing in a dark picture, darker than this in an overexposed one. */
const DARK = 60;
const LIGHT = 200;
/** Least difference between the 5 % darkest and lightest pixels of a picture that is not flat. */
const CONTRAST = 20;

/** Photographs that are nearly black, nearly white, or of nearly one shade. */
export function findExposure(subject: Subject, photographs: SubjectPhotographs): Finding[] {
  const scored = subject.splits.flatMap((split) =>
    photographs.get(split.split)!.flatMap((measures, index): Scored[] => {
      const fault = exposureFault(measures);
      return fault ? [{ score: fault.score, found: foundSample(subject, split, index, fault.detail) }] : [];
    }),
  );
  if (scored.length === 0) return [];
  const is = scored.length === 1 ? 'is' : 'are';
  return [
    {
      check: 'exposure',
      severity: 'info',
      message: `${countOf(scored.length, 'photograph')} ${is} dark, overexposed or without contrast.`,
      suggestion:
        'Look at them (--html FILE), and take out those that nobody could name. Where the model will meet such light, more of them help, or the strategy "photo".',
      samples: worstFirst(scored),
    },
  ];
}

/**
 * Both the whole picture and what is not background have to be so: a black thing on white is not dark, and a white one on white
 * is not overexposed where it has shades.
 */
function exposureFault(measures: PhotographStatistics): { score: number; detail: string } | undefined {
  const { dark, light, contentDark, contentLight } = measures;
  const [highest, lowest] = [Math.max(light, contentLight), Math.min(dark, contentDark)];
  if (highest < DARK)
    return { score: DARK - highest, detail: `dark: 95 % of it at ${highest} of 255 or less` };
  if (lowest > LIGHT)
    return { score: lowest - LIGHT, detail: `overexposed: 95 % of it at ${lowest} of 255 or more` };
  if (highest - lowest >= CONTRAST) return undefined;
  return {
    score: CONTRAST - highest + lowest,
    detail: `flat: 90 % of it from ${lowest} to ${highest} of 255`,
  };
}

/** Longer side by shorter side from which a square holds too little of a picture. */
const LONG = 4;

/** Photographs that are far longer than wide, of which a border fills the most. */
export function findLong(subject: Subject, photographs: SubjectPhotographs): Finding[] {
  const { fit, width, height } = subject.manifest.preprocessing;
  if (fit !== 'contain') return [];
  const scored = subject.splits.flatMap((split) =>
    photographs.get(split.split)!.flatMap(({ aspect }, index): Scored[] =>
      aspect < LONG
        ? []
        : [
            {
              score: aspect,
              found: foundSample(subject, split, index, `${aspect.toFixed(1)} times as long as wide`),
            },
          ],
    ),
  );
  if (scored.length === 0) return [];
  const is = scored.length === 1 ? 'is' : 'are';
  return [
    {
      check: 'long',
      severity: 'info',
      message: `${countOf(scored.length, 'photograph')} ${is} more than ${LONG} times as long as wide: in ${width}x${height} pixels little is left of them.`,
      suggestion: 'Cut out what they show, or import them with a larger --width and --height.',
      samples: worstFirst(scored),
    },
  ];
}
