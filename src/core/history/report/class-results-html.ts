import { htmlSection, htmlTable, inlinePng } from '../../report/markup.js';
import { percent } from '../number-text.js';
import type { EvaluationReport } from '../record.js';
import { weakestFirst } from '../weakest-classes.js';
import type { ClassPair } from '../worst-pairs.js';

const number = (title: string) => ({ title, numeric: true });

/** The results of each class, the worst first, below what is said of all. */
export function classesSection(title: string, about: string, perClass: EvaluationReport['perClass']): string {
  const share = (value: number | null) => (value === null ? '–' : percent(value));
  const rows = weakestFirst(perClass).map(({ label, support, precision, recall, f1 }) => [
    label,
    String(support),
    share(precision),
    share(recall),
    share(f1),
  ]);
  const columns = [{ title: 'class' }, number('images'), number('precision'), number('recall'), number('F1')];
  return htmlSection(title, about, htmlTable(columns, rows));
}

/** Classes that are taken for each other; nothing where none are. */
export function pairsSection(pairs: readonly ClassPair[]): string {
  if (pairs.length === 0) return '';
  const columns = [
    { title: 'class' },
    { title: 'and' },
    number('mistakes'),
    number('of all'),
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
 * The mistakes of which a model was most certain; nothing where there are none.
 *
 * @param sheet their pictures, a PNG
 */
export function mistakesSection(
  mistakes: EvaluationReport['confidentlyWrong'],
  sheet: Uint8Array | undefined,
): string {
  if (mistakes.length === 0) return '';
  const columns = [
    number(''),
    { title: 'label' },
    { title: 'predicted' },
    number('probability'),
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
