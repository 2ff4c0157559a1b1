import { countOf, formatCount, percent } from '../../core/base/text/text.js';
import type { DataEvaluation, Evaluation, EvaluationResult } from '../../core/learning/evaluation/result.js';
import { headline, modelCells, splitText } from '../../core/learning/evaluation/result.js';
import type { EvaluationFiles } from '../../pages/evaluation.js';
import { cutLine, numeric, tableLines, wrapWords } from '../terminal/format.js';
import type { TextOptions } from '../terminal/style.js';
import { boundLines, pairLines, weakestClassLines } from './class-results.js';

/** What is listed of mistakes and of samples that were left out; --json has all. */
const LISTED = 10;

/** An evaluation for people: of one model at length, of several side by side. */
export function evaluationLines(
  result: EvaluationResult & { readonly files: EvaluationFiles },
  options: TextOptions,
): string[] {
  const written = Object.entries(result.files).map(([form, file]) => `${form}: ${file}`);
  return [
    ...result.data.flatMap((data, i) => [...(i > 0 ? [''] : []), ...dataLines(data, options)]),
    ...boundLines(result.bounds, result.models.length * result.data.length > 1, options),
    ...(written.length > 0 ? ['', ...written] : []),
  ];
}

function dataLines(data: DataEvaluation, options: TextOptions): string[] {
  const { path, split, count, evaluations, comparisons, leftOut } = data;
  const [first] = evaluations;
  return [
    options.paint('bold', `${path}, ${splitText(split)}: ${countOf(count, 'sample')}`),
    ...(evaluations.length === 1 ? modelLines(first!, options) : modelsTable(evaluations)),
    ...comparisons.flatMap(({ verdict }) => ['', ...wrapWords(verdict, options.width, '  ')]),
    ...leftOutLines(leftOut, options),
  ];
}

function modelLines(evaluation: Evaluation, options: TextOptions): string[] {
  return [
    ...wrapWords(`${evaluation.model}: ${headline(evaluation)}`, options.width, '  '),
    '',
    ...weakestClassLines(evaluation.perClass),
    ...pairLines(evaluation.worstPairs),
    ...reliabilityLines(evaluation),
    ...mistakeLines(evaluation, options),
  ];
}

function modelsTable(evaluations: readonly Evaluation[]): string[] {
  const topK = evaluations[0]!.topK.map(({ k }) => numeric(`top ${k}`));
  const columns = ['accuracy', '95 % interval', 'balanced', 'F1'].map(numeric);
  return tableLines(
    [{ title: 'model' }, ...columns, ...topK, numeric('loss'), numeric('off by')],
    evaluations.map(modelCells),
  );
}

/** How sure the model was, and how often it was right. */
function reliabilityLines({ calibration }: Evaluation): string[] {
  const rows = calibration.flatMap(({ count, confidence, accuracy }) =>
    count === 0 ? [] : [[percent(confidence), percent(accuracy), formatCount(count)]],
  );
  return ['', ...tableLines([numeric('sure'), numeric('right'), numeric('predictions')], rows)];
}

function mistakeLines({ confidentlyWrong }: Evaluation, { width }: TextOptions): string[] {
  if (confidentlyWrong.length === 0) return [];
  const rows = confidentlyWrong
    .slice(0, LISTED)
    .map(({ label, predicted, probability, source }) => [label, predicted, percent(probability), source]);
  const columns = [
    { title: 'most certain mistakes' },
    { title: 'taken for' },
    numeric('sure'),
    { title: 'source' },
  ];
  return ['', ...tableLines(columns, rows).map((line) => cutLine(line, width))];
}

function leftOutLines(leftOut: DataEvaluation['leftOut'], { width }: TextOptions): string[] {
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
