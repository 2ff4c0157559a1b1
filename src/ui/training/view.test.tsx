import { stripVTControlCharacters } from 'node:util';
import fc from 'fast-check';
import { renderToString } from 'ink';
import { describe, expect, it } from 'vitest';
import { END_CAUSES, HISTORY_EVENTS } from '../../core/learning/history/record.js';
import type { TrainEvent } from '../../core/learning/training/run/events.js';
import { advance, INITIAL_TRAIN_STATE, note, type TrainState } from './state.js';
import { divideRows, TrainView } from './view.js';

const EPOCHS = 12;
const STEPS_PER_EPOCH = 100;

function linesOf(
  state: TrainState,
  columns: number,
  rows: number,
  { color = false, nowMs = 0 } = {},
): string[] {
  const view = <TrainView state={state} columns={columns} rows={rows} color={color} nowMs={nowMs} />;
  const text = renderToString(view, { columns });
  return text === '' ? [] : text.split('\n');
}

function started(firstStep = 0): TrainEvent {
  return {
    kind: 'started',
    run: 'runs/0007',
    epochs: EPOCHS,
    stepsPerEpoch: STEPS_PER_EPOCH,
    device: 'cpu',
    model: 'characters',
    parameters: 1_234_567,
    trainCount: 6400,
    validationCount: 1600,
    monitor: 'valAccuracy',
    batchSize: 64,
    firstStep,
    history: [],
  };
}

function stateAfter(events: readonly TrainEvent[]): TrainState {
  return events.reduce((state, event) => advance(state, event, 1000), INITIAL_TRAIN_STATE);
}

function trained(epochs: number, ...after: readonly TrainEvent[]): TrainState {
  const epochNumbers = Array.from({ length: epochs }, (_, i) => i + 1);
  return stateAfter([started(), ...epochNumbers.flatMap(epochEvents), ...after]);
}

function epochEvents(epoch: number): TrainEvent[] {
  const step = epoch * STEPS_PER_EPOCH;
  const metrics = { loss: 3 / epoch, accuracy: 1 - 1 / (epoch + 1), learningRate: 0.001, gradientNorm: 1.25 };
  return [
    ...[25, 50, 75, 100].map(
      (at): TrainEvent => ({
        kind: 'step',
        epoch,
        step: at,
        stepsPerEpoch: STEPS_PER_EPOCH,
        metrics: { ...metrics, imagesPerSecond: 1100 },
        etaMs: 125_000,
        memoryBytes: 734e6,
        microbatchSize: 64,
      }),
    ),
    {
      kind: 'epoch',
      epoch,
      metrics: { epoch, step, ...metrics, valLoss: 3.3 / epoch, valAccuracy: epoch === 2 ? 0.9 : 0.8 },
      best: epoch <= 2,
    },
    { kind: 'checkpoint', epoch, step, file: `checkpoints/${step}`, stallMs: 30 },
  ];
}

const KILLED: TrainEvent = {
  kind: 'incident',
  event: { event: 'worker-ended', time: '', step: 1204, cause: 'killed', detail: 'signal SIGKILL' },
};

describe('on a usual terminal', () => {
  const text = linesOf(trained(12, KILLED), 100, 24, { nowMs: 13_000 }).join('\n');

  it.each([
    'characters on cpu, 1,234,567 parameters, 6,400 images, 1,600 for validation, in runs/0007',
    'epoch 12/12  100%  ETA 2m 05s  1,100 images/s',
    'learning rate 0.0010, gradient norm 1.2500, memory 734 MB',
    'safe: step 1,200 (epoch 12), 12s ago',
    'valAccuracy 0.8000',
    'step 1,204: the training process ended (killed): signal SIGKILL',
    'Ctrl-C: save and stop; twice: stop at once',
  ])('says %s', (part) => {
    expect(text).toContain(part);
  });

  it('says nothing of Ctrl-C when all is over', () => {
    const view = <TrainView state={trained(12)} columns={100} rows={24} color={false} nowMs={0} isLast />;
    expect(renderToString(view, { columns: 100 })).not.toContain('Ctrl-C');
  });

  it('marks the best epoch only, and shows it with the latest', () => {
    const table = linesOf(trained(12, KILLED), 100, 20).filter((line) => /^\d+ /.test(line));
    expect(table.map((line) => Number.parseInt(line, 10))).toEqual([2, 6, 7, 8, 9, 10, 11, 12]);
    expect(table.filter((line) => line.includes('*'))).toEqual([expect.stringMatching(/^2 \*\s+0\.9000/)]);
  });

  it('has charts when it is high', () => {
    const lines = linesOf(trained(6), 100, 40);
    expect(lines.join('\n')).toContain('└');
    expect(lines.join('\n')).toMatch(/loss 0\.5000.*accuracy 0\.8571/);
    expect(linesOf(trained(6), 80, 40).join('\n')).toContain('└');
  });

  it('says what is awaited, and where a resumed run is', () => {
    expect(linesOf(INITIAL_TRAIN_STATE, 80, 24).join('\n')).toContain('waiting for the training process');
    expect(linesOf(stateAfter([started(450)]), 80, 24).join('\n')).toContain(
      'epoch 5/12  37%  waiting for the first step',
    );
  });

  it('says that it is stopping, and what one more Ctrl-C does', () => {
    const state = trained(1, { kind: 'stopping', reason: 'interrupted' });
    const stopping = linesOf(state, 80, 24).join('\n');
    expect(stopping).toContain('Stopping: interrupted');
    expect(stopping).toContain('Ctrl-C: stop at once');
    expect(linesOf(state, 12, 3)[0]).toMatch(/^Stopping/);
  });
});

describe('on a small terminal', () => {
  it('keeps the progress, the loss and the checkpoint, and drops words instead of wrapping them', () => {
    const lines = linesOf(trained(4, KILLED), 40, 10);
    expect(lines).toHaveLength(9);
    expect(lines[0]).toBe('characters on cpu, 6,400 images');
    expect(lines.join('\n')).toContain('epoch 4/12  33%  ETA 2m 05s');
    expect(lines.join('\n')).toContain('safe: step 400 (epoch 4)');
    expect(linesOf(trained(4), 20, 4)).toEqual(['epoch 4/12  33%', 'safe: step 400', 'loss        0.7500']);
    expect(linesOf(trained(4), 10, 2)).toEqual(['██░░░  33%']);
    expect(linesOf(trained(4), 10, 1)).toEqual([]);
  });
});

const number = fc.double();
/** With line ends and escape codes. */
const text = fc.string({ unit: 'binary-ascii', maxLength: 40 });
const count = fc.nat(10_000);
const metrics = fc.dictionary(
  fc.constantFrom('loss', 'accuracy', 'valLoss', 'valAccuracy', 'learningRate', 'imagesPerSecond', 'step'),
  number,
);
const event: fc.Arbitrary<TrainEvent> = fc.oneof(
  fc.record({
    kind: fc.constant('started' as const),
    run: fc.constantFrom('runs/1', 'runs/2'),
    epochs: count,
    stepsPerEpoch: count,
    device: text,
    model: text,
    parameters: count,
    trainCount: count,
    validationCount: count,
    monitor: fc.constantFrom('valLoss', 'valAccuracy'),
    batchSize: count,
    firstStep: count,
    history: fc.array(metrics, { maxLength: 5 }),
  }),
  fc.record({
    kind: fc.constant('step' as const),
    epoch: count,
    step: count,
    stepsPerEpoch: count,
    metrics,
    etaMs: number,
    memoryBytes: count,
    microbatchSize: count,
  }),
  fc.record({
    kind: fc.constant('evaluating' as const),
    epoch: count,
    done: count,
    total: count,
    batchSize: count,
  }),
  fc.record({ kind: fc.constant('epoch' as const), epoch: count, metrics, best: fc.boolean() }),
  fc.record({
    kind: fc.constant('checkpoint' as const),
    epoch: count,
    step: count,
    file: text,
    stallMs: number,
  }),
  fc.record({
    kind: fc.constant('incident' as const),
    event: fc.record({
      event: fc.constantFrom(...HISTORY_EVENTS),
      time: text,
      step: count,
      detail: text,
      cause: fc.constantFrom(...END_CAUSES),
      microbatchSize: count,
    }),
  }),
  fc.record({ kind: fc.constant('stopping' as const), reason: text }),
  fc.record({ kind: fc.constant('exported' as const), bundle: text }),
);

it('is lower than the terminal and no wider, whatever happened', () => {
  fc.assert(
    fc.property(
      fc.array(event, { maxLength: 30 }),
      fc.integer({ min: 1, max: 200 }),
      fc.integer({ min: 1, max: 60 }),
      fc.boolean(),
      (events, columns, rows, color) => {
        const state = events.reduce(
          (before, happened, i) => advance(before, happened, i),
          note(INITIAL_TRAIN_STATE, 'Warning: one image\nwas skipped'),
        );
        const lines = linesOf(state, columns, rows, { color, nowMs: 5 });
        expect(lines.length).toBeLessThan(rows);
        for (const line of lines) expect(stripVTControlCharacters(line).length).toBeLessThanOrEqual(columns);
      },
    ),
    { numRuns: 100 },
  );
});

describe('divideRows', () => {
  it('meets the first requests first', () => {
    const requests = [
      { panel: 'progress', rows: 1 },
      { panel: 'curves', rows: 4 },
      { panel: 'table', rows: 3, least: 2 },
    ] as const;
    expect(Object.fromEntries(divideRows(4, requests))).toEqual({ progress: 1, curves: 3 });
    expect(Object.fromEntries(divideRows(6, requests))).toEqual({ progress: 1, curves: 4 });
    expect(Object.fromEntries(divideRows(7, requests))).toEqual({ progress: 1, curves: 4, table: 2 });
  });

  it('counts a later request of a panel in all', () => {
    const requests = [
      { panel: 'notes', rows: 1 },
      { panel: 'notes', rows: 4 },
    ] as const;
    expect(divideRows(9, requests).get('notes')).toBe(4);
  });

  it('never gives more than there is', () => {
    const request = fc.record({
      panel: fc.constantFrom('a', 'b', 'c'),
      rows: fc.integer({ min: 0, max: 30 }),
      least: fc.integer({ min: 1, max: 10 }),
    });
    fc.assert(
      fc.property(fc.integer({ min: -2, max: 60 }), fc.array(request), (rows, requests) => {
        const given = [...divideRows(rows, requests).values()];
        expect(given.every((share) => share > 0)).toBe(true);
        expect(given.reduce((sum, share) => sum + share, 0)).toBeLessThanOrEqual(Math.max(0, rows));
      }),
    );
  });
});
