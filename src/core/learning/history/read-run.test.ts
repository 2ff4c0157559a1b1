import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { foldLines } from './read-run.js';

const RUN = { type: 'run', name: 'classifier', train: { seed: 3 } };
const epoch = (number: number, loss = 1 / number) => ({
  type: 'epoch',
  epoch: number,
  step: number * 10,
  loss,
});
const skip = (step: number) => ({ type: 'event', event: 'step-skipped', time: 't', step });

function fold(lines: readonly (object | string)[]) {
  const passedOver: number[] = [];
  const text = lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line))).join('\n');
  return { ...foldLines(text, 'history.jsonl', (line) => passedOver.push(line)), passedOver };
}

describe('the lines of a history', () => {
  it('tell the run, its epochs and its events', () => {
    const { run, epochs, events } = fold([RUN, { ...skip(0), event: 'started' }, epoch(1), epoch(2), '']);
    expect(run).toEqual({ name: 'classifier', train: { seed: 3 } });
    expect(epochs).toEqual([
      { epoch: 1, step: 10, loss: 1 },
      { epoch: 2, step: 20, loss: 0.5 },
    ]);
    expect(events).toEqual([{ event: 'started', time: 't', step: 0 }]);
  });

  it('lose nothing but a torn last line, in silence', () => {
    const { epochs, passedOver } = fold([RUN, epoch(1), '{"type":"epoch","epo']);
    expect(epochs).toHaveLength(1);
    expect(passedOver).toEqual([]);
  });

  it('are passed over where they cannot be read, and that is told', () => {
    const { epochs, passedOver } = fold([RUN, epoch(1), '{"type":"ep', epoch(2), '']);
    expect(epochs).toHaveLength(2);
    expect(passedOver).toEqual([3]);
  });

  it('begin again after a resume, with what will come again', () => {
    const { epochs, events } = fold([
      RUN,
      epoch(1),
      skip(12),
      skip(18),
      { ...skip(19), event: 'worker-ended' },
      epoch(2),
      { type: 'resumed', epoch: 1, step: 15 },
      skip(18),
      epoch(2, 7),
      '',
    ]);
    expect(epochs.map(({ loss }) => loss)).toEqual([1, 7]);
    expect(events.map(({ event, step }) => `${event} ${step}`)).toEqual([
      'step-skipped 12',
      'worker-ended 19',
      'step-skipped 18',
    ]);
  });

  it('tell the epochs of a run without interruptions, wherever it was interrupted and resumed', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(3), fc.nat(4), fc.boolean())), (attempts) => {
        const lines: (object | string)[] = [RUN];
        let complete = 0;
        for (const [further, lost, marked] of attempts) {
          for (let next = complete + 1; next <= complete + further; next++) lines.push(epoch(next));
          complete = Math.max(0, complete + further - lost);
          if (marked) lines.push({ type: 'resumed', epoch: complete, step: complete * 10 });
        }
        lines.push(epoch(complete + 1));
        expect(fold(lines).epochs.map((record) => record.epoch)).toEqual(
          Array.from({ length: complete + 1 }, (_, i) => i + 1),
        );
      }),
    );
  });

  it('must say which run it is', () => {
    expect(() => fold([epoch(1)])).toThrow(expect.objectContaining({ code: 'ROBLE_HISTORY_INVALID' }));
  });
});
