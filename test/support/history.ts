/** Histories and evaluations for tests. All are pure functions of their arguments. */
import type { EvaluationReport, RunHistory } from '../../src/core/learning/history/record.js';
import type { RecordedEpoch, RecordedRun } from '../../src/core/learning/history/recorded-run.js';

/** A metric as a function of the epoch; null is what is no finite number. */
export type Curves = Readonly<Record<string, (epoch: number) => number | null>>;

/** A run that learns well and steadily, and shows nothing to improve. */
export const HEALTHY: Curves = {
  step: (epoch) => epoch * 100,
  loss: (epoch) => 0.1 + 2 * Math.exp(-epoch / 4),
  accuracy: (epoch) => 0.98 - 0.9 * Math.exp(-epoch / 3),
  valLoss: (epoch) => 0.15 + 2 * Math.exp(-epoch / 4),
  valAccuracy: (epoch) => 0.96 - 0.9 * Math.exp(-epoch / 3),
  learningRate: (epoch) => 0.001 * (1 - epoch / 20),
  gradientNorm: (epoch) => 1 + Math.exp(-epoch / 5),
  trainSeconds: () => 10,
  evaluationSeconds: () => 1,
};

export function epochsOf(count: number, curves: Curves = HEALTHY): RecordedEpoch[] {
  return Array.from({ length: count }, (_, i) => ({
    epoch: i + 1,
    metrics: Object.fromEntries(Object.entries(curves).map(([name, curve]) => [name, curve(i + 1)])),
  }));
}

export function recordedRun(epochs: readonly RecordedEpoch[], more: Partial<RecordedRun> = {}): RecordedRun {
  return {
    path: 'runs/a',
    name: 'a',
    format: 'roble',
    epochs,
    settings: {
      train: { epochs: epochs.length, learningRate: 0.001, schedule: { type: 'cosine' }, seed: 0 },
    },
    events: [{ event: 'completed', time: '2026-01-01T00:00:00.000Z', step: 100 * epochs.length }],
    ...more,
  };
}

/** `history.json` of a run. */
export function runHistory(
  epochs: readonly RecordedEpoch[],
  run: Readonly<Record<string, unknown>>,
): RunHistory {
  return {
    format: 'roble-history',
    version: 1,
    run,
    epochs: epochs.map(({ epoch, metrics }) => ({ epoch, ...metrics })) as unknown as RunHistory['epochs'],
    events: [{ event: 'completed', time: '2026-01-01T00:00:00.000Z', step: 100 * epochs.length }],
  };
}

/** The evaluation that a confusion matrix tells, perfectly calibrated. */
export function evaluationOf(
  confusion: readonly (readonly number[])[],
  classes: readonly string[] = confusion.map((_, i) => String(i)),
): EvaluationReport {
  const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);
  const count = sum(confusion.flat());
  const accuracy = sum(confusion.map((row, i) => row[i]!)) / Math.max(1, count);
  const ratio = (part: number, whole: number) => (whole === 0 ? null : part / whole);
  const perClass = confusion.map((row, i) => {
    const [right, support, predicted] = [row[i]!, sum(row), sum(confusion.map((other) => other[i]!))];
    return {
      label: classes[i]!,
      support,
      precision: ratio(right, predicted),
      recall: ratio(right, support),
      f1: ratio(2 * right, support + predicted),
    };
  });
  return {
    format: 'roble-evaluation',
    version: 2,
    epoch: 1,
    count,
    classes,
    loss: 0.5,
    accuracy,
    top3Accuracy: 1,
    balancedAccuracy: accuracy,
    twins: [],
    expectedCalibrationError: 0,
    calibration: Array.from({ length: 15 }, (_, bin) =>
      bin === 12 ? { count, confidence: accuracy, accuracy } : { count: 0, confidence: 0, accuracy: 0 },
    ),
    perClass,
    confusion: confusion.flatMap((row, label) =>
      row.flatMap((times, predicted) => (times > 0 ? [[label, predicted, times] as const] : [])),
    ),
    confidentlyWrong: [],
  };
}
