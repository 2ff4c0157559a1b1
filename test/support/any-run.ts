import fc from 'fast-check';
import { HISTORY_EVENTS } from '../../src/core/learning/history/record.js';
import type { RecordedRun } from '../../src/core/learning/history/recorded-run.js';
import { evaluationOf } from './history.js';

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
/** A run with a history of any kind that can be read. */
export const anyRun: fc.Arbitrary<RecordedRun> = fc
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

/** Runs that have a last epoch by which they can be compared. */
export const comparableRuns = fc.uniqueArray(
  anyRun.map((recorded) => ({
    ...recorded,
    epochs: [...recorded.epochs, { epoch: 99, metrics: { valAccuracy: recorded.epochs.length / 20 } }],
  })),
  { minLength: 2, maxLength: 6, selector: ({ path }) => path },
);

/** A number that is none, or a value that is missing, printed. */
export const NONSENSE = /\bNaN\b|undefined|Infinity|\[object/;
