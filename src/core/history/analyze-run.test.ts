import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { epochsOf, evaluationOf, HEALTHY, recordedRun } from '../../../test/support/history.js';
import { historyLines } from '../../ui/history-text.js';
import { analyzeRun, judgedMetrics } from './analyze-run.js';
import { parseBound } from './bounds.js';
import { compareRecordedRuns } from './compare/compare-runs.js';
import { standaloneSvg } from './plot/panel.js';
import { HISTORY_EVENTS } from './record.js';
import type { RecordedRun } from './recorded-run.js';
import { epochsCsv } from './report/csv.js';
import { htmlPage } from './report/html-page.js';
import { comparisonPanels, runPanels } from './report/panels.js';
import { runHtml } from './report/run-html.js';

describe('the analysis of a run', () => {
  it('takes the monitor of the run, else the usual one, and the first of equal epochs', () => {
    const epochs = epochsOf(5, { ...HEALTHY, valAccuracy: (epoch) => Math.min(epoch, 3) / 10 });
    expect(analyzeRun(recordedRun(epochs))).toMatchObject({
      monitor: { metric: 'valAccuracy' },
      best: { epoch: 3 },
    });
    const settings = { train: { monitor: 'valLoss' } };
    expect(analyzeRun(recordedRun(epochs, { settings }))).toMatchObject({
      monitor: { metric: 'valLoss', mode: 'min' },
      best: { epoch: 5 },
    });
    const other = epochsOf(3, { score: (epoch) => -epoch });
    expect(analyzeRun(recordedRun(other, { settings: {} }))).toMatchObject({
      monitor: { metric: 'score' },
      best: { epoch: 1 },
    });
  });

  it('judges by the best epoch and by the evaluation', () => {
    const evaluation = {
      ...evaluationOf([
        [8, 2],
        [1, 9],
      ]),
      foldedAccuracy: 0.9,
    };
    const metrics = judgedMetrics(analyzeRun(recordedRun(epochsOf(3), { evaluation })));
    expect(metrics.get('balancedAccuracy')).toBe(0.85);
    expect(metrics.get('foldedAccuracy')).toBe(0.9);
    expect(metrics.get('valLoss')).toBe(HEALTHY.valLoss!(3));
  });
});

/** A value of a metric as it can be on a disk. */
const value = fc.oneof(
  fc.double({ min: 0, max: 1, noNaN: true }),
  fc.constantFrom(0, 1, null),
  fc.double({ noDefaultInfinity: true, noNaN: true }),
);
const METRICS = [
  'loss',
  'accuracy',
  'valLoss',
  'valAccuracy',
  'learningRate',
  'gradientNorm',
  'step',
  'skippedSteps',
  'imagesPerSecond',
  'evaluationSeconds',
  'trainSeconds',
  '__proto__',
  '<b>&"',
];
const epochs = fc
  .array(fc.dictionary(fc.constantFrom(...METRICS), value), { maxLength: 12 })
  .map((list) => list.map((metrics, i) => ({ epoch: i + 1, metrics })));
const event = fc.record({
  event: fc.constantFrom(...HISTORY_EVENTS),
  time: fc.constant('2026-01-01T00:00:00.000Z'),
  step: fc.nat(1000),
});
const evaluation = fc
  .array(fc.array(fc.nat(20), { minLength: 4, maxLength: 4 }), { minLength: 4, maxLength: 4 })
  .map((confusion) => evaluationOf(confusion, ['a', '<i>', '"&', 'ü']));
const run: fc.Arbitrary<RecordedRun> = fc
  .record({
    epochs,
    events: fc.array(event, { maxLength: 6 }),
    seed: fc.nat(3),
    rate: fc.constantFrom(0.1, 0.01),
    evaluation: fc.option(evaluation, { nil: undefined }),
    name: fc.uuid(),
  })
  .map(({ seed, rate, name, evaluation: report, ...rest }) => ({
    ...rest,
    path: `runs/${name}`,
    name,
    format: 'roble',
    settings: { train: { seed, learningRate: rate, monitor: 'valAccuracy' } },
    ...(report && { evaluation: report }),
  }));

/** A number that is none, or a value that is missing, printed. */
const NONSENSE = /\bNaN\b|undefined|Infinity|\[object/;

describe('any history', () => {
  it('is analysed, shown and plotted without nonsense', () => {
    const options = { width: 60, color: false, paint: (_format: unknown, text: string) => text };
    fc.assert(
      fc.property(run, (recorded) => {
        const analysis = analyzeRun(recorded);
        expect(JSON.stringify(analysis)).not.toMatch(NONSENSE);
        const text = historyLines({ runs: [analysis], bounds: [], files: {} }, options);
        expect(text.join('\n')).not.toMatch(NONSENSE);
        const panels = runPanels(recorded, analysis);
        expect(standaloneSvg('x', panels)).not.toMatch(NONSENSE);
        const articles = [runHtml(recorded, analysis, panels, undefined)];
        expect(
          htmlPage({ runs: [analysis], bounds: [], comparison: undefined, panels: [], articles }),
        ).not.toMatch(NONSENSE);
        expect(epochsCsv([analysis])).not.toMatch(NONSENSE);
      }),
      { numRuns: 300 },
    );
  });

  it('is compared with others without nonsense', () => {
    const options = { width: 60, color: false, paint: (_format: unknown, text: string) => text };
    const comparable = run.map((recorded) => ({
      ...recorded,
      epochs: [...recorded.epochs, { epoch: 99, metrics: { valAccuracy: recorded.epochs.length / 20 } }],
    }));
    fc.assert(
      fc.property(
        fc.uniqueArray(comparable, { minLength: 2, maxLength: 6, selector: ({ path }) => path }),
        (recorded) => {
          const comparison = compareRecordedRuns(recorded, undefined, {});
          expect(JSON.stringify(comparison)).not.toMatch(NONSENSE);
          const runs = recorded.map(analyzeRun);
          const text = historyLines({ runs, bounds: [], comparison, files: {} }, options);
          expect(text.join('\n')).not.toMatch(NONSENSE);
          expect(standaloneSvg('x', comparisonPanels(runs, comparison))).not.toMatch(NONSENSE);
        },
      ),
    );
  });
});

describe('a bound', () => {
  it('is a metric and a number', () => {
    expect(parseBound('valAccuracy=0.8', 'under')).toEqual({
      metric: 'valAccuracy',
      failsWhen: 'under',
      limit: 0.8,
    });
    for (const text of ['', 'valAccuracy', 'valAccuracy=', '=0.8', 'valAccuracy=high', 'valAccuracy=NaN'])
      expect(() => parseBound(text, 'over')).toThrow(expect.objectContaining({ code: 'ROBLE_USAGE' }));
  });
});
