import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { HistoryEvent } from '../../core/learning/history/record.js';
import type { TrainEvent } from '../../core/learning/training/run/events.js';
import { addPoint, advance, type Curve, INITIAL_TRAIN_STATE, sampleCurve, type TrainState } from './state.js';

const STEPS_PER_EPOCH = 4;

/** Epoch 2 is the best by accuracy. */
const RECORDS = [1, 2, 3].map((epoch) => ({
  epoch,
  step: epoch * STEPS_PER_EPOCH,
  loss: 1 / epoch,
  accuracy: 0.2 * epoch,
  valLoss: 1.5 / epoch,
  valAccuracy: [0.3, 0.6, 0.5][epoch - 1]!,
}));

function started(
  firstStep = 0,
  history: readonly (typeof RECORDS)[number][] = [],
  run = 'runs/1',
): TrainEvent {
  return {
    kind: 'started',
    run,
    epochs: 5,
    stepsPerEpoch: STEPS_PER_EPOCH,
    device: 'cpu',
    model: 'letters',
    parameters: 1000,
    trainCount: 256,
    validationCount: 64,
    monitor: 'valAccuracy',
    batchSize: 64,
    firstStep,
    history,
  };
}

function stepEvent(epoch: number, step: number): TrainEvent {
  return {
    kind: 'step',
    epoch,
    step,
    stepsPerEpoch: STEPS_PER_EPOCH,
    metrics: { loss: 1 / (epoch * STEPS_PER_EPOCH + step), accuracy: 0.5 },
    etaMs: 1000,
    memoryBytes: 1e9,
    microbatchSize: 64,
  };
}

/** An epoch as it is trained, with the checkpoint at its end. */
function epochEvents(epoch: number): TrainEvent[] {
  return [
    ...[1, 2, 3, 4].map((step) => stepEvent(epoch, step)),
    { kind: 'evaluating', epoch, done: 64, total: 64, batchSize: 8 },
    { kind: 'epoch', epoch, metrics: RECORDS[epoch - 1]!, best: epoch < 3 },
    { kind: 'checkpoint', epoch, step: epoch * STEPS_PER_EPOCH, file: `${epoch}`, stallMs: 5 },
  ];
}

function incident(event: HistoryEvent['event'], rest: Partial<HistoryEvent> = {}): TrainEvent {
  return { kind: 'incident', event: { event, time: '2026-01-01T00:00:00Z', step: 6, ...rest } };
}

/** The state after events that came at 1 ms, 2 ms, ... */
function stateAfter(...events: readonly TrainEvent[]): TrainState {
  return events.reduce((state, event, i) => advance(state, event, i + 1), INITIAL_TRAIN_STATE);
}

const stepsOf = (state: TrainState, name: keyof TrainState['curves']) => state.curves[name].map(([at]) => at);

describe('a run', () => {
  const state = stateAfter(started(), ...epochEvents(1), ...epochEvents(2), {
    kind: 'exported',
    bundle: 'model',
  });

  it('has curves over its steps, its epochs and what is going on', () => {
    expect(stepsOf(state, 'loss')).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(state.curves.valAccuracy).toEqual([
      [4, 0.3],
      [8, 0.6],
    ]);
    expect(state.epochs.map(({ epoch }) => epoch)).toEqual([1, 2]);
    expect(state.evaluating).toBeUndefined();
    expect(state.notes).toEqual(['exported model']);
  });

  it('knows the newest checkpoint and when it was saved', () => {
    expect(state.safe).toEqual({ epoch: 2, step: 8, timeMs: 15 });
  });

  it('turns what other programs say into one line', () => {
    const told = advance(state, incident('worker-ended', { detail: 'abort\n\u001b[2Jcore\tdumped' }), 0);
    expect(told.notes.at(-1)).toBe('step 6: the training process ended: abort core dumped');
  });
});

describe('a resumed run', () => {
  const resumed = stateAfter(started(14, RECORDS));

  it('shows the epochs of the history, with the best of them marked', () => {
    expect(resumed.epochs.map(({ epoch, best }) => [epoch, best])).toEqual([
      [1, true],
      [2, true],
      [3, false],
    ]);
    for (const name of ['loss', 'accuracy', 'valLoss', 'valAccuracy'] as const)
      expect(stepsOf(resumed, name)).toEqual([4, 8, 12]);
  });

  it('is safe where it goes on', () => {
    expect(resumed.safe).toEqual({ epoch: 4, step: 14 });
  });

  it('goes on from there', () => {
    const state = [stepEvent(4, 3), stepEvent(4, 4)].reduce(
      (before, event) => advance(before, event, 0),
      resumed,
    );
    expect(stepsOf(state, 'loss')).toEqual([4, 8, 12, 15, 16]);
  });
});

describe('a retry', () => {
  const before = [started(), ...epochEvents(1), ...epochEvents(2), stepEvent(3, 1), stepEvent(3, 2)];

  it('shows nothing twice, and nothing that is made again before it is', () => {
    const retried = stateAfter(...before, incident('retried'), started(8, RECORDS.slice(0, 2)));
    expect(retried.step).toBeUndefined();
    expect(stepsOf(retried, 'loss')).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    const state = epochEvents(3).reduce((last, event) => advance(last, event, 0), retried);
    expect(stepsOf(state, 'loss')).toEqual(Array.from({ length: 12 }, (_, i) => i + 1));
    expect(stepsOf(state, 'valLoss')).toEqual([4, 8, 12]);
    expect(state.epochs.map(({ epoch }) => epoch)).toEqual([1, 2, 3]);
  });

  it('keeps the time of its checkpoint', () => {
    expect(stateAfter(...before, started(8, RECORDS.slice(0, 2))).safe).toEqual({
      epoch: 2,
      step: 8,
      timeMs: 15,
    });
  });

  it('from the first checkpoint is safe there', () => {
    const first: TrainEvent = { kind: 'checkpoint', epoch: 0, step: 0, file: '0', stallMs: 5 };
    expect(stateAfter(started(), first, stepEvent(1, 1), started()).safe).toEqual({
      epoch: 0,
      step: 0,
      timeMs: 2,
    });
  });

  it('from an older checkpoint takes back the epoch after it', () => {
    const state = stateAfter(...before, started(4, RECORDS.slice(0, 1)));
    expect(state.epochs.map(({ epoch }) => epoch)).toEqual([1]);
    expect(stepsOf(state, 'valAccuracy')).toEqual([4]);
    expect(state.safe).toEqual({ epoch: 1, step: 4 });
  });

  it('keeps the marks that the events gave', () => {
    const told = epochEvents(1).map((event) => (event.kind === 'epoch' ? { ...event, best: false } : event));
    const state = stateAfter(started(), ...told, started(4, RECORDS.slice(0, 1)));
    expect(state.epochs.map(({ best }) => best)).toEqual([false]);
  });
});

it('begins anew with another run', () => {
  const state = stateAfter(started(), ...epochEvents(1), started(0, [], 'runs/2'));
  expect(state.epochs).toEqual([]);
  expect(state.curves.loss).toEqual([]);
  expect(state.safe).toBeUndefined();
});

const curveOf = (length: number): Curve =>
  Array.from({ length }, (_, i) => [i + 1, 1 / (i + 1)] as const).reduce(addPoint, [] as Curve);

describe('a curve', () => {
  it('of steps that are too large to be exact is still sampled', () => {
    const curve: Curve = [
      [-11550196554203760, 0],
      [0, 1],
    ];
    expect(sampleCurve(curve, 1)).toEqual([0.5]);
  });

  it('keeps its first and last points and its order however long it gets', () => {
    const curve = curveOf(5000);
    expect(curve.length).toBeLessThanOrEqual(1000);
    expect(curve[0]).toEqual([1, 1]);
    expect(curve.at(-1)).toEqual([5000, 1 / 5000]);
    expect(curve.every(([step], i) => i === 0 || step > curve[i - 1]![0])).toBe(true);
  });

  it('replaces the points from a step on that is made again', () => {
    expect(addPoint(curveOf(3), [2, 9])).toEqual([
      [1, 1],
      [2, 9],
    ]);
  });

  it('is sampled to a width, within its range and in its order', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 900 }), fc.integer({ min: -5, max: 200 }), (length, width) => {
        const values = sampleCurve(curveOf(length), width);
        expect(values.length).toBeLessThanOrEqual(Math.max(0, width));
        // The curve falls, so the means over its parts do.
        expect(values).toEqual([...values].sort((a, b) => b - a));
        for (const value of values) expect(value > 0 && value <= 1).toBe(true);
      }),
    );
  });

  it('has the mean of each part', () => {
    const curve: Curve = [1, 2, 3, 4].map((step) => [step, step] as const);
    expect(sampleCurve(curve, 2)).toEqual([1.5, 3.5]);
    expect(sampleCurve([...curve, [5, Number.NaN]], 4)).toEqual([1, 2, 3, 4]);
  });
});
