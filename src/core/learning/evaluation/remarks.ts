import { countOf, examples, formatCount, percent, timesByCode } from '../../base/text/text.js';
import { countByCode } from '../../data/formats/source.js';
import type { Classifier } from './classifier.js';
import type { JudgedSubject } from './judge-subject.js';
import type { Evaluation } from './result.js';
import type { Subject } from './subject.js';

/** Whether the samples are those of the training, by the fingerprint of the data set. */
export function trainingRemarks({ dataset, split }: Subject, models: readonly Classifier[]): string[] {
  if (!dataset) return [];
  return models.flatMap(({ place, dataFingerprint }) => {
    if (dataFingerprint !== dataset.manifest.fingerprint) return [];
    if (split === 'train')
      return [`these are the samples that ${place} was trained on: it may know them by heart`];
    if (split === 'validation')
      return [`the epoch of ${place} was chosen by these samples, which is a little in its favour`];
    return [];
  });
}

/** What of the answers is no plain mistake, and what was left out. */
export function resultRemarks({ evaluations, leftOut, notices }: JudgedSubject): string[] {
  const remarks = [
    ...[...notices].map(([notice, count]) => `${countOf(count, 'image')}: ${notice}`),
    ...evaluations.flatMap((evaluation) => [
      ...unknownRemarks(evaluation),
      ...nonFiniteRemarks(evaluation),
      ...trainedOnRemarks(evaluation),
      ...oneClassRemarks(evaluation),
    ]),
  ];
  if (leftOut.length === 0) return remarks;
  return [
    ...remarks,
    `${countOf(leftOut.length, 'sample')} could not be judged and are in no metric: ${timesByCode(countByCode(leftOut))}`,
  ];
}

/** A part of the samples in words. */
function partText(part: number, { count }: Evaluation): string {
  return `${formatCount(part)} of ${countOf(count, 'sample')} (${percent(part / count)})`;
}

function unknownRemarks(evaluation: Evaluation): string[] {
  const { model, unknown, unknownLabels, knownAccuracy } = evaluation;
  if (unknown === 0) return [];
  const labels = examples(unknownLabels.map(({ label, count }) => `"${label}" (${formatCount(count)})`));
  const known = knownAccuracy === null ? '' : `; the accuracy on the others is ${percent(knownAccuracy)}`;
  return [
    `${partText(unknown, evaluation)} have a label that ${model} does not know and count as wrong: ${labels}${known}`,
  ];
}

function nonFiniteRemarks(evaluation: Evaluation): string[] {
  const { model, nonFinite } = evaluation;
  if (nonFinite === 0) return [];
  return [
    `${model} answered ${partText(nonFinite, evaluation)} with numbers that are not finite; they count as wrong`,
  ];
}

function trainedOnRemarks(evaluation: Evaluation): string[] {
  const { model, trainedOn = 0 } = evaluation;
  return trainedOn === 0
    ? []
    : [`${partText(trainedOn, evaluation)} are pictures that ${model} was trained on`];
}

/** So large a part of the samples is taken for one class, though at most half of that part is of it. */
const ONE_CLASS = 0.8;

/** A model that says the same of nearly everything sees pictures of another kind than those that it was trained on. */
function oneClassRemarks(evaluation: Evaluation): string[] {
  const { model, confusions, count } = evaluation;
  const mistakes = new Map<string, number>();
  for (const { predicted, count: times } of confusions)
    mistakes.set(predicted, (mistakes.get(predicted) ?? 0) + times);
  const [most, wrong] = [...mistakes].reduce((a, b) => (b[1] > a[1] ? b : a), ['', 0]);
  const result = evaluation.perClass.find(({ label }) => label === most);
  const right = result ? Math.round(result.support * (result.recall ?? 0)) : 0;
  if (count < 10 || wrong + right < ONE_CLASS * count || right > wrong) return [];
  return [
    `${model} takes ${partText(wrong + right, evaluation)} for "${most}": are the pictures of another kind than those that it was trained on, such as dark on light?`,
  ];
}
