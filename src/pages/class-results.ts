import { formatCount, percent, short } from '../core/base/text/text.js';
import type { BoundResult } from '../core/learning/analysis/bounds.js';
import type { ClassPair } from '../core/learning/analysis/findings/classes.js';
import type { EvaluationReport } from '../core/learning/history/record.js';
import { weakestFirst } from '../core/learning/metrics/metrics.js';
import { htmlSection, htmlTable, inlinePng, numeric, paragraph } from './kit/html.js';

/** Classes in the table: a page of thousands is slow, and nobody reads it. */
const MOST_CLASSES = 500;

/**
 * The results of the classes, the worst first, below a summary of all.
 *
 * @param about markup of the summary
 * @param whole names where all classes are listed, if they are too many for a page
 */
export function classesSection(
  title: string,
  about: string,
  perClass: EvaluationReport['perClass'],
  whole: string,
): string {
  const share = (value: number | null) => (value === null ? '–' : percent(value));
  const rows = weakestFirst(perClass)
    .slice(0, MOST_CLASSES)
    .map(({ label, support, precision, recall, f1 }) => [
      label,
      String(support),
      share(precision),
      share(recall),
      share(f1),
    ]);
  const columns = [
    { title: 'class' },
    numeric('images'),
    numeric('precision'),
    numeric('recall'),
    numeric('F1'),
  ];
  const rest =
    perClass.length > rows.length
      ? paragraph(
          `Of ${formatCount(perClass.length)} classes these ${rows.length} have the lowest F1; ${whole} has all.`,
        )
      : '';
  return htmlSection(title, about, htmlTable(columns, rows), rest);
}

/** Classes that are mistaken for each other; nothing where none are. */
export function pairsSection(pairs: readonly ClassPair[]): string {
  if (pairs.length === 0) return '';
  const columns = [
    { title: 'class' },
    { title: 'and' },
    numeric('mistakes'),
    numeric('of all'),
    { title: 'which way' },
  ];
  const rows = pairs.map(({ first, second, count, share, firstAsSecond, secondAsFirst }) => [
    first,
    second,
    String(count),
    percent(share),
    `${firstAsSecond} as ${second}, ${secondAsFirst} as ${first}`,
  ]);
  return htmlSection('Worst pairs', htmlTable(columns, rows));
}

/**
 * The mistakes that a model was most certain of; nothing where there are none.
 *
 * @param sheet their pictures, a PNG
 */
export function mistakesSection(
  mistakes: EvaluationReport['confidentlyWrong'],
  sheet: Uint8Array | undefined,
): string {
  if (mistakes.length === 0) return '';
  const columns = [
    numeric(''),
    { title: 'label' },
    { title: 'predicted' },
    numeric('probability'),
    { title: 'source' },
  ];
  const rows = mistakes.map(({ label, predicted, probability, source }, i) => [
    String(i + 1),
    label,
    predicted,
    percent(probability),
    source,
  ]);
  return htmlSection(
    'Most certain mistakes',
    sheet ? inlinePng(sheet, 'The images of the table, row by row') : '',
    htmlTable(columns, rows),
  );
}

/** The bounds, and whether each was met; nothing without bounds. */
export function boundsSection(bounds: readonly BoundResult[]): string {
  if (bounds.length === 0) return '';
  const rows = bounds.map(({ run, metric, failsWhen, limit, value, met }) => [
    run,
    metric,
    value === null ? '–' : short(value),
    `${failsWhen === 'under' ? 'at least' : 'at most'} ${short(limit)}`,
    met ? 'met' : 'missed',
  ]);
  const columns = [{ title: 'of' }, { title: 'metric' }, numeric('value'), { title: 'bound' }, { title: '' }];
  return htmlSection('Bounds', htmlTable(columns, rows));
}
