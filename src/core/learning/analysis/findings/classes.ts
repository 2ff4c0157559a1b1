import { mean } from '../../../base/statistics.js';
import { countOf, percent, points } from '../../../base/text/text.js';
import type { EvaluationReport } from '../../history/record.js';
import { settingOf } from '../../history/recorded-run.js';
import type { Detector, StudiedRun, Suggestion } from './finding.js';

type ClassResult = EvaluationReport['perClass'][number] & { readonly recall: number };

/** The classes that have samples, and so a recall. */
function evaluatedClasses({ perClass }: EvaluationReport): ClassResult[] {
  return perClass.filter((result): result is ClassResult => result.recall !== null && result.support > 0);
}

/** A ratio of the largest class to the smallest that training feels. */
const IMBALANCE = 3;
/** How much better the large classes must be known than the small ones. */
const IMBALANCE_COST = 0.05;

/** Small classes are known worse than large ones. The sizes are those of the validation split. */
export const classImbalance: Detector = ({ run }) => {
  const classes = run.evaluation ? evaluatedClasses(run.evaluation) : [];
  if (classes.length < 3) return [];
  const bySize = [...classes].sort((a, b) => a.support - b.support);
  const third = Math.ceil(bySize.length / 3);
  const [small, large] = [bySize.slice(0, third), bySize.slice(-third)];
  const ratio = large.at(-1)!.support / small[0]!.support;
  const recallOf = (results: readonly ClassResult[]) => mean(results.map(({ recall }) => recall));
  const cost = recallOf(large) - recallOf(small);
  if (ratio < IMBALANCE || cost < IMBALANCE_COST) return [];
  const balanced = settingOf(run, 'train.classWeights') === 'balanced';
  const why = `the third of the classes with the fewest samples has ${points(cost)} less recall`;
  return [
    {
      kind: 'class-imbalance',
      severity: 'warning',
      message:
        `The largest class ("${large.at(-1)!.label}", ${large.at(-1)!.support}) has ${ratio.toFixed(1)} times the samples of the ` +
        `smallest ("${small[0]!.label}", ${small[0]!.support}): recall is ${percent(recallOf(large))} in the large third of the ` +
        `classes and ${percent(recallOf(small))} in the small third.`,
      evidence: {
        epochs: [run.evaluation!.epoch],
        metrics: { ratio, recallOfLarge: recallOf(large), recallOfSmall: recallOf(small) },
      },
      suggestions: [
        balanced
          ? {
              key: 'dataset',
              change: 'more images of the small classes',
              why: `${why}, though the loss is weighted already`,
            }
          : { key: 'train.classWeights', change: 'balanced', why },
      ],
    },
  ];
};

/** Fewer samples of a class can all be wrong by chance. */
const FEWEST_SAMPLES = 5;

/** Classes that are never recognised, and those with too few samples to know. */
export const deadClasses: Detector = ({ run }) => {
  if (!run.evaluation) return [];
  const missed = evaluatedClasses(run.evaluation).filter(({ recall }) => recall === 0);
  const dead = missed.filter(({ support }) => support >= FEWEST_SAMPLES);
  const few = missed.filter(({ support }) => support < FEWEST_SAMPLES);
  const unseen = run.evaluation.perClass.filter(({ support }) => support === 0);
  if (missed.length + unseen.length === 0) return [];
  const sentences = [
    dead.length > 0 && `Of ${classesText(dead)} no sample is recognised.`,
    few.length > 0 &&
      `${dead.length > 0 ? 'Nor is one' : 'No sample is recognised'} of ${classesText(few)}, which ${few.length === 1 ? 'has' : 'have'} fewer than ${FEWEST_SAMPLES} validation samples${few.length === 1 ? '' : ' each'}: too few to judge.`,
    unseen.length > 0 && `Of ${classesText(unseen)} nothing is known: there is no validation sample.`,
  ];
  return [
    {
      kind: 'dead-classes',
      severity: dead.length > 0 ? 'problem' : 'info',
      message: sentences.filter(Boolean).join(' '),
      evidence: {
        epochs: [run.evaluation.epoch],
        metrics: { classes: dead.length, tooFewSamples: few.length, withoutSamples: unseen.length },
      },
      suggestions: [
        ...(dead.length > 0 ? [CHECK_LABELS] : []),
        ...(dead.length < missed.length + unseen.length ? [MORE_SAMPLES] : []),
      ],
    },
  ];
};

const CHECK_LABELS: Suggestion = {
  key: 'dataset',
  change: 'check the labels of these classes, in training and in validation',
  why: 'a class that is never right is more often mislabelled or missing from training than hard',
};
const MORE_SAMPLES: Suggestion = {
  key: 'dataset',
  change: 'more validation samples of the classes that have few',
  why: `with fewer than ${FEWEST_SAMPLES} samples of a class nobody can tell how well it is known`,
};

/** How many classes, and the first of them with their numbers of samples. */
function classesText(classes: EvaluationReport['perClass']): string {
  const names = classes.slice(0, 5).map(({ label, support }) => `"${label}" (${support})`);
  const rest = classes.length - names.length;
  return `${countOf(classes.length, 'class', 'classes')} (${names.join(', ')}${rest > 0 ? `, ${rest} more` : ''})`;
}

/** A larger share of all mistakes is worth a look of its own. */
const PAIRS_SHARE = 0.2;
const SHOWN_PAIRS = 3;

/** A few pairs of classes make up much of the error. */
export const confusedPairs: Detector = (study) => {
  const evaluation = study.run.evaluation;
  if (!evaluation) return [];
  const pairs = worstPairs(evaluation, SHOWN_PAIRS);
  const share = pairs.reduce((sum, pair) => sum + pair.share, 0);
  const mistakes = countMistakes(evaluation.confusion);
  // Two classes have but one pair, and of a few mistakes any pair has a large part.
  if (evaluation.classes.length < 3 || mistakes < 10 || share < PAIRS_SHARE) return [];
  const named = pairs.map(({ first, second, count }) => `"${first}" and "${second}" (${count})`);
  return [
    {
      kind: 'confused-pairs',
      severity: 'info',
      message:
        `${percent(share)} of the ${countOf(mistakes, 'mistake')} are between ${named.join(', ')}.` +
        foldedSentence(evaluation),
      evidence: { epochs: [evaluation.epoch], metrics: { share, mistakes } },
      suggestions: pairSuggestions(study, evaluation),
    },
  ];
};

function foldedSentence({ foldedAccuracy, accuracy }: EvaluationReport): string {
  if (foldedAccuracy === undefined) return '';
  return ` With look-alikes counted as one, the accuracy is ${percent(foldedAccuracy)} instead of ${percent(accuracy)}.`;
}

function pairSuggestions({ run }: StudiedRun, evaluation: EvaluationReport): Suggestion[] {
  const areLookAlikes = (a: string, b: string) =>
    evaluation.twins.some((labels) => labels.includes(a) && labels.includes(b));
  const pairs = worstPairs(evaluation, SHOWN_PAIRS).filter(
    ({ first, second }) => !areLookAlikes(first, second),
  );
  const worst = pairs[0];
  if (!worst) return [];
  return [
    {
      key: 'train.twins',
      change: JSON.stringify([...(run.evaluation?.twins ?? []), [worst.first, worst.second]]),
      why: `if "${worst.first}" and "${worst.second}" cannot be told apart without context, their ${worst.count} mistakes are no fault of the model, and the folded accuracy says how good it is`,
    },
    {
      key: 'dataset',
      change: `more images of "${worst.first}" and "${worst.second}"`,
      why: `if they can be told apart, that pair alone is ${percent(worst.share)} of all mistakes`,
    },
  ];
}

/** Two classes that are taken for each other. */
export interface ClassPair {
  readonly first: string;
  readonly second: string;
  /** Mistakes between the two, both ways. */
  readonly count: number;
  /** Samples of the first class that were taken for the second. */
  readonly firstAsSecond: number;
  readonly secondAsFirst: number;
  /** Mistakes between the two as a share of all mistakes. */
  readonly share: number;
}

/** The pairs with the most mistakes between them, both ways together; the worst first. */
export function worstPairs(
  { classes, confusion }: Pick<EvaluationReport, 'classes' | 'confusion'>,
  most: number,
): ClassPair[] {
  const mistakes = countMistakes(confusion);
  const pairs = new Map<
    string,
    { lower: number; upper: number; lowerAsUpper: number; upperAsLower: number }
  >();
  for (const [label, predicted, count] of confusion) {
    if (label === predicted) continue;
    const [lower, upper] = [Math.min(label, predicted), Math.max(label, predicted)];
    const pair = pairs.get(`${lower} ${upper}`) ?? { lower, upper, lowerAsUpper: 0, upperAsLower: 0 };
    pair[label === lower ? 'lowerAsUpper' : 'upperAsLower'] += count;
    pairs.set(`${lower} ${upper}`, pair);
  }
  return [...pairs.values()]
    .map(({ lower, upper, lowerAsUpper, upperAsLower }) => {
      const count = lowerAsUpper + upperAsLower;
      const [first, second] = lowerAsUpper >= upperAsLower ? [lower, upper] : [upper, lower];
      return {
        first: classes[first]!,
        second: classes[second]!,
        count,
        firstAsSecond: Math.max(lowerAsUpper, upperAsLower),
        secondAsFirst: Math.min(lowerAsUpper, upperAsLower),
        share: count / mistakes,
      };
    })
    .sort((a, b) => b.count - a.count)
    .slice(0, most);
}

/** All that is off the diagonal. */
function countMistakes(confusion: EvaluationReport['confusion']): number {
  return confusion.reduce((sum, [label, predicted, count]) => (label === predicted ? sum : sum + count), 0);
}
