import { rm } from 'node:fs/promises';
import { replaceFile } from '../core/base/storage/durable.js';
import { countOf, formatCount, percent, points } from '../core/base/text/text.js';
import {
  type DrawnEvaluation,
  type EvaluatedModels,
  type Evaluation,
  type EvaluationPictures,
  headline,
  modelCells,
  splitText,
} from '../core/learning/evaluation/result.js';
import { mistakeSheet } from '../core/learning/metrics/mistakes.js';
import { boundsSection, classesSection, mistakesSection, pairsSection } from './class-results.js';
import {
  element,
  escapeMarkup,
  type HtmlColumn,
  htmlSection,
  htmlTable,
  numeric,
  pageFrame,
  paragraph,
} from './kit/html.js';
import { calibrationPlot } from './plot/calibration-plot.js';
import { classesPlot, confusionPlot } from './plot/class-plots.js';
import { inlineSvg } from './plot/panel.js';

/** Samples that were left out, and unknown labels, that are shown. */
const SHOWN = 100;

/** Everything about an evaluation as one page. */
async function evaluationPage({ models, data, bounds }: EvaluatedModels): Promise<string> {
  const title = models.length === 1 ? models[0]!.model : `${models.length} models`;
  const articles: string[] = [];
  for (const judged of data) articles.push(await dataArticle(judged));
  return pageFrame(`Evaluation of ${title}`, [
    element('h1', {}, escapeMarkup(`Evaluation of ${title}`)),
    htmlTable(
      [{ title: 'model' }, { title: 'name' }, numeric('classes'), { title: 'SHA-256' }],
      models.map(({ model, name, classes, digest }) => [model, name, formatCount(classes), digest]),
    ),
    boundsSection(bounds),
    ...articles,
  ]);
}

async function dataArticle(data: DrawnEvaluation): Promise<string> {
  const { path, split, remarks, evaluations, comparisons, leftOut, fingerprint } = data;
  const parts: string[] = [];
  for (const [i, evaluation] of evaluations.entries())
    parts.push(...(await modelSections(evaluation, data.pictures[i]!, evaluations.length > 1)));
  const identity = fingerprint === undefined ? '' : `, fingerprint ${fingerprint}`;
  return element(
    'article',
    {},
    element('h2', {}, escapeMarkup(`${path}, ${splitText(split)}`)),
    paragraph(`${countOf(data.count, 'sample')}${identity}.`),
    ...remarks.map((remark) => element('div', { class: 'finding warning' }, paragraph(remark))),
    evaluations.length > 1 ? htmlSection('Models', modelsTable(evaluations)) : '',
    htmlSection('Comparison', ...comparisons.map(({ verdict }) => paragraph(verdict))),
    ...parts,
    htmlSection('Left out', leftOutTable(leftOut)),
  );
}

function modelsTable(evaluations: readonly Evaluation[]): string {
  const [first] = evaluations;
  const topK = first!.topK.map(({ k }) => numeric(`top ${k}`));
  const columns = ['accuracy', '95 % interval', 'balanced', 'macro F1'].map(numeric);
  return htmlTable(
    [{ title: 'model' }, ...columns, ...topK, numeric('loss'), numeric('calibration error')],
    evaluations.map(modelCells),
  );
}

async function modelSections(
  evaluation: Evaluation,
  { table, mistakes, shape }: EvaluationPictures,
  isOneOfMany: boolean,
): Promise<string[]> {
  const { calibration, expectedCalibrationError } = evaluation;
  const panels = [
    classesPlot(evaluation),
    expectedCalibrationError === null
      ? undefined
      : calibrationPlot({ calibration, expectedCalibrationError }),
    confusionPlot(table),
  ];
  const sheet = mistakes.length === 0 ? undefined : await mistakeSheet(mistakes, shape);
  return [
    isOneOfMany ? element('h2', {}, escapeMarkup(evaluation.model)) : '',
    element(
      'div',
      { class: 'plots' },
      ...panels.flatMap((panel) => (panel === undefined ? [] : [inlineSvg(panel)])),
    ),
    classesSection('Classes', paragraph(headline(evaluation)), evaluation.perClass, '--json'),
    pairsSection(evaluation.worstPairs),
    htmlSection('Calibration', reliabilityTable(evaluation)),
    mistakesSection(evaluation.confidentlyWrong, sheet),
    htmlSection('Labels that the model does not know', unknownTable(evaluation)),
  ];
}

function reliabilityTable({ calibration }: Evaluation): string {
  const rows = calibration.flatMap(({ count, confidence, accuracy }, bin) => {
    if (count === 0) return [];
    const range = `${percent(bin / calibration.length)} to ${percent((bin + 1) / calibration.length)}`;
    return [
      [range, formatCount(count), percent(confidence), percent(accuracy), points(accuracy - confidence)],
    ];
  });
  return htmlTable(
    [{ title: 'confidence' }, ...['predictions', 'mean confidence', 'accuracy', 'difference'].map(numeric)],
    rows,
  );
}

function unknownTable({ unknownLabels }: Evaluation): string {
  const columns = [{ title: 'label' }, numeric('samples')];
  return longTable(
    columns,
    unknownLabels.map(({ label, count }) => [label, formatCount(count)]),
  );
}

function leftOutTable(leftOut: DrawnEvaluation['leftOut']): string {
  const columns = [{ title: 'source' }, { title: 'code' }, { title: 'reason' }];
  return longTable(
    columns,
    leftOut.map(({ source, code, message }) => [source, code, message]),
  );
}

/** The beginning of a table that may have any length; nothing of an empty one. */
function longTable(columns: readonly HtmlColumn[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return '';
  const rest = rows.length - SHOWN;
  const more = rest > 0 ? paragraph(`${formatCount(rest)} more; --json lists all.`) : '';
  return htmlTable(columns, rows.slice(0, SHOWN)) + more;
}

/** Files that are written. */
export interface EvaluationFiles {
  /** One page with everything, which needs no other file. */
  readonly html?: string;
  /** The pictures of the most certain mistakes, of one model on one source, as a PNG. */
  readonly sheet?: string;
}

/**
 * Writes the files that are named, each as a whole or not at all. A model without mistakes leaves no sheet.
 *
 * @returns those that there are
 */
export async function writeEvaluationFiles(
  evaluated: EvaluatedModels,
  { html, sheet }: EvaluationFiles,
): Promise<EvaluationFiles> {
  const page = html === undefined ? {} : { html };
  if (html !== undefined) await replaceFile(html, await evaluationPage(evaluated));
  if (sheet === undefined) return page;
  const { mistakes, shape } = evaluated.data[0]!.pictures[0]!;
  if (mistakes.length > 0) await replaceFile(sheet, await mistakeSheet(mistakes, shape));
  else await rm(sheet, { force: true });
  return mistakes.length > 0 ? { ...page, sheet } : page;
}
