import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { trainSchema } from '../../settings.js';
import { afterEpoch, type HealthState, INITIAL_HEALTH, judgeStep, stepLimits } from './health.js';

const { health: options } = trainSchema.parse({});
const good = (loss = 2, gradientNorm = 1) => ({ loss, gradientNorm, accuracy: 0, applied: true });
const bad = { loss: Number.NaN, gradientNorm: 1, accuracy: 0, applied: false };

/** The verdicts on a sequence of steps. */
function judge(steps: readonly ReturnType<typeof good>[], from: HealthState = INITIAL_HEALTH) {
  const verdicts: string[] = [];
  let state = from;
  for (const step of steps) {
    const judged = judgeStep(state, step, options);
    state = judged.state;
    verdicts.push(judged.verdict);
  }
  return { state, verdicts };
}

describe('judgeStep', () => {
  it('skips, rolls back, cuts, and gives up, in this order', () => {
    const { verdicts, state } = judge(Array(16).fill(bad));
    const skips = Array(options.maxSkippedSteps).fill('skipped');
    expect(verdicts).toEqual([
      ...[...skips, 'roll-back'],
      ...[...skips, 'roll-back-and-cut'],
      ...[...skips, 'roll-back-and-cut'],
      ...[...skips, 'give-up'],
    ]);
    expect(state.learningRateFactor).toBeCloseTo(options.learningRateCut ** 2, 12);
  });

  it('never rolls back while every bad step is followed by a good one', () => {
    const { verdicts } = judge(Array.from({ length: 200 }, (_, i) => (i % 2 ? bad : good())));
    expect(new Set(verdicts)).toEqual(new Set(['good', 'skipped']));
  });

  it('forgets roll-backs after an epoch without one, but not the cut', () => {
    const { state } = judge(Array(8).fill(bad));
    expect(afterEpoch(state, state)).toMatchObject({ rollbacks: 0, learningRateFactor: 0.5 });
    expect(afterEpoch(state, INITIAL_HEALTH).rollbacks).toBe(2);
  });

  it('gives the same verdicts when its state goes through JSON between any two steps', () => {
    const step = fc.oneof(
      fc.constant(bad),
      fc.record({
        loss: fc.double({ min: 0, max: 10, noNaN: true }),
        gradientNorm: fc.double({ min: 0, max: 10, noNaN: true }),
        accuracy: fc.constant(0),
        applied: fc.constant(true),
      }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.nat(60), (steps, at) => {
        const first = judge(steps.slice(0, at));
        const rest = judge(steps.slice(at), JSON.parse(JSON.stringify(first.state)));
        expect([...first.verdicts, ...rest.verdicts]).toEqual(judge(steps).verdicts);
        expect(rest.state).toEqual(judge(steps).state);
      }),
    );
  });
});

describe('stepLimits', () => {
  it('has none before it knows what is usual', () => {
    const { state } = judge(Array(19).fill(good()));
    expect(stepLimits(state, options)).toEqual({ loss: Infinity, gradientNorm: Infinity });
  });

  it('measures against the first steps when the mean has become small, so that a hard batch is no spike', () => {
    const { state } = judge([...Array(20).fill(good(4, 2)), ...Array(1000).fill(good(0.001, 0.001))]);
    const limits = stepLimits(state, options);
    expect(limits.loss).toBeCloseTo(4 * options.lossSpikeFactor, 6);
    expect(limits.gradientNorm).toBeCloseTo(2 * options.gradientSpikeFactor, 6);
  });

  it('follows a mean that rises slowly', () => {
    const { state } = judge([...Array(20).fill(good(1, 1)), ...Array(1000).fill(good(1, 5))]);
    expect(stepLimits(state, options).gradientNorm).toBeGreaterThan(4 * options.gradientSpikeFactor);
  });
});
