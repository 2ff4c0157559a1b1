import { countOf, formatCount, percent } from '../../core/base/text.js';
import type { DataEvaluation, Evaluation, EvaluationResult } from '../../core/learning/evaluation/result.js';
import { headline, modelCells, splitText } from '../../core/learning/evaluation/result.js';
import type { EvaluationFiles } from '../../pages/evaluation.js';
import { cutLine, tableLines, wrapWords } from '../terminal/format.js';
import { pairLines, weakestClassLines } from './classes.js';
import type { HistoryTextOptions } from './history.js';
import { boundLines } from './history.js';

/** What is listed of mistakes and of samples that were left out; --json has all. */
const LISTED = 10;

/** An evaluation for people: of one model at length, of several side by side. */
export function evaluationLines(
  result: EvaluationResult & { readonly files: EvaluationFiles },
  options: HistoryTextOptions,
): string[] {
  const written = Object.entries(result.files).map(([form, file]) => `${form}: ${file}`);
  return [
    ...result.data.flatMap((data, i) => [...(i > 0 ? [''] : []), ...dataLines(data, options)]),
    ...boundLines(result.bounds, result.models.length * result.data.length > 1, options),
    ...(written.length > 0 ? ['', ...written] : []),
  ];
}

function dataLines(data: DataEvaluation, options: HistoryTextOptions): string[] {
  const { path, split, count, evaluations, comparisons, leftOut } = data;
  const [first] = evaluations;
  return [
    options.paint('bold', `${path}, ${splitText(split)}: ${countOf(count, 'sample')}`),
    ...(evaluations.length === 1 ? modelLines(first!, options) : modelsTable(evaluations)),
    ...comparisons.flatMap(({ verdict }) => ['', ...wrapWords(verdict, options.width, '  ')]),
    ...leftOutLines(leftOut, options),
  ];
}

function modelLines(evaluation: Evaluation, options: HistoryTextOptions): string[] {
  return [
    ...wrapWords(`${evaluation.model}: ${headline(evaluation)}`, options.width, '  '),
    '',
    ...weakestClassLines(evaluation.perClass),
    ...pairLines(evaluation.worstPairs),
    ...reliabilityLines(evaluation),
    ...mistakeLines(evaluation, options),
  ];
}

const number = (title: string) => ({ title, numeric: true });

function modelsTable(evaluations: readonly Evaluation[]): string[] {
  const topK = evaluations[0]!.topK.map(({ k }) => number(`top ${k}`));
  const columns = ['accuracy', '95 % interval', 'balanced', 'F1'].map(number);
  return tableLines(
    [{ title: 'model' }, ...columns, ...topK, number('loss'), number('off by')],
    evaluations.map(modelCells),
  );
}

/** How sure the model was, and how often it was right. */
function reliabilityLines({ calibration }: Evaluation): string[] {
  const rows = calibration.flatMap(({ count, confidence, accuracy }) =>
    count === 0 ? [] : [[percent(confidence), percent(accuracy), formatCount(count)]],
  );
  return ['', ...tableLines([number('sure'), number('right'), number('predictions')], rows)];
}

function mistakeLines({ confidentlyWrong }: Evaluation, { width }: HistoryTextOptions): string[] {
  if (confidentlyWrong.length === 0) return [];
  const rows = confidentlyWrong
    .slice(0, LISTED)
    .map(({ label, predicted, probability, source }) => [label, predicted, percent(probability), source]);
  const columns = [
    { title: 'most certain mistakes' },
    { title: 'taken for' },
    number('sure'),
    { title: 'source' },
  ];
  return ['', ...tableLines(columns, rows).map((line) => cutLine(line, width))];
}

function leftOutLines(leftOut: DataEvaluation['leftOut'], { width }: HistoryTextOptions): string[] {
  if (leftOut.length === 0) return [];
  const rest = leftOut.length - LISTED;
  return [
    '',
    `Left out: ${countOf(leftOut.length, 'sample')}`,
    ...leftOut
      .slice(0, LISTED)
      .flatMap(({ source, code, message }) => wrapWords(`  ${source}: ${message} [${code}]`, width, '    ')),
    ...(rest > 0 ? [`  and ${formatCount(rest)} more; --json lists all`] : []),
  ];
}
