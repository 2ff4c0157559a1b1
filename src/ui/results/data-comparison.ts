import { countOf, formatCount, percent } from '../../core/base/text/text.js';
import type { DatasetComparison } from '../../core/learning/compare/compare-datasets.js';
import type { SeedSummary } from '../../core/learning/compare/scores.js';
import { COMPARED_METRICS, type ComparedMetric } from '../../core/learning/compare/scores.js';
import { cutLine, formatDuration, numeric, tableLines, wrapWords } from '../terminal/format.js';
import type { TextOptions } from '../terminal/style.js';
import { boundLines } from './class-results.js';

const TITLES: Readonly<Record<ComparedMetric, string>> = {
  accuracy: 'accuracy',
  balancedAccuracy: 'balanced acc.',
  foldedAccuracy: 'folded acc.',
  rareRecall: 'rare recall',
};

/** A comparison of data sets for people: the means, then what the differences say. */
export function dataComparisonLines(result: DatasetComparison, options: TextOptions): string[] {
  const { width, paint } = options;
  const [first, ...others] = result.conditions;
  const metrics = COMPARED_METRICS.filter((metric) => first!.metrics[metric] !== undefined);
  return [
    ...wrapWords(headline(result), width),
    ...wrapWords(`Rare classes of ${first!.name}: ${result.rareClasses.join(' ')}`, width, '  '),
    '',
    ...meanLines(result, metrics).map((line) => cutLine(line, width)),
    ...others.flatMap(({ name, differences }) => [
      '',
      paint('bold', `${name} against ${first!.name}`),
      ...metrics.flatMap((metric) =>
        wrapWords(`${TITLES[metric]}: ${differences[metric]!.verdict}`, width, '  '),
      ),
    ]),
    ...boundLines(result.bounds, true, options),
  ];
}

function headline({ steps, evaluations, seeds, validation }: DatasetComparison): string {
  const pictures = countOf(validation.count, 'validation picture');
  return (
    `${countOf(steps, 'step')} on each, with ${countOf(seeds.length, 'seed')}. The best of ${countOf(evaluations, 'evaluation')} ` +
    `on the ${pictures} of ${validation.dataset}: mean ± standard deviation over the seeds.`
  );
}

function meanLines({ conditions }: DatasetComparison, metrics: readonly ComparedMetric[]): string[] {
  const columns = [
    { title: 'condition' },
    numeric('pictures'),
    ...metrics.map((metric) => numeric(TITLES[metric])),
    numeric('training'),
  ];
  const rows = conditions.map(({ name, trainCount, trainSeconds, metrics: own }) => [
    name,
    formatCount(trainCount),
    ...metrics.map((metric) => spreadText(own[metric]!)),
    formatDuration(trainSeconds.mean * 1000),
  ]);
  return tableLines(columns, rows);
}

function spreadText({ mean, standardDeviation }: SeedSummary): string {
  return percent(mean) + (standardDeviation === null ? '' : ` ± ${(standardDeviation * 100).toFixed(1)}`);
}
