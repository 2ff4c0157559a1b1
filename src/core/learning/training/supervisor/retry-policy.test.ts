import { describe, expect, it } from 'vitest';
import { type ErrorCode, RobleError } from '../../../base/errors.js';
import { trainSchema } from '../../settings.js';
import { decideRetry, describeEnds, FIRST_ATTEMPT, type RetryState } from './retry-policy.js';
import { causeOf, type UnfinishedEnd } from './worker-end.js';

const { retry: options } = trainSchema.parse({});
const died = (signal: NodeJS.Signals | null, more: object = {}): UnfinishedEnd => ({
  type: 'died',
  code: signal ? null : 1,
  signal,
  lastWords: '',
  oomKill: false,
  ...more,
});
const failed = (code: ErrorCode, message = 'x'): UnfinishedEnd => ({
  type: 'failed',
  error: new RobleError(code, message),
});

const decide = (end: UnfinishedEnd, state: RetryState = FIRST_ATTEMPT, safeStep = 0, step = 7) =>
  decideRetry(
    state,
    {
      end,
      step,
      hasBegun: true,
      inMemory: { phase: 'training', microbatchSize: 16, evaluationBatchSize: 32 },
    },
    safeStep,
    options,
  );

describe('causeOf', () => {
  it.each([
    [died('SIGKILL'), 'killed'],
    [died('SIGKILL', { oomKill: true }), 'out-of-memory'],
    [died('SIGKILL', { oomKill: true, killedFor: 'heartbeat' }), 'heartbeat-lost'],
    [died('SIGTERM'), 'killed'],
    [died('SIGABRT'), 'native-crash'],
    [died('SIGSEGV'), 'native-crash'],
    [died('SIGABRT', { lastWords: "terminate called ... 'std::bad_alloc'" }), 'out-of-memory'],
    [died('SIGABRT', { lastWords: 'FATAL ERROR: JavaScript heap out of memory' }), 'out-of-memory'],
    [
      died('SIGABRT', { lastWords: 'vkAllocateMemory failed with VK_ERROR_OUT_OF_DEVICE_MEMORY' }),
      'out-of-memory',
    ],
    [died(null), 'exited'],
    [failed('ROBLE_OUT_OF_MEMORY'), 'out-of-memory'],
    [failed('ROBLE_INTERNAL'), 'error'],
  ] as const)('%o is %s', (end, cause) => expect(causeOf(end)).toBe(cause));
});

describe('decideRetry', () => {
  /** Decisions on ends that come one after the other without progress. */
  function decideAll(ends: readonly UnfinishedEnd[]) {
    let state = FIRST_ATTEMPT;
    return ends.map((end, i) => {
      const decision = decide(end, state, 0, i);
      if (decision.retry) state = decision.state;
      return decision;
    });
  }

  it('waits twice as long each time, and gives up after maxRetries without progress', () => {
    const decisions = decideAll(Array(5).fill(died('SIGSEGV')));
    expect(decisions.map((decision) => decision.retry && decision.delayMs)).toEqual([
      1000,
      2000,
      4000,
      false,
      false,
    ]);
  });

  it('starts anew after progress', () => {
    let state = FIRST_ATTEMPT;
    for (let i = 0; i < 50; i++) {
      const decision = decide(died('SIGSEGV'), state, i);
      expect(decision).toMatchObject({ retry: true, delayMs: 1000 });
      if (decision.retry) state = decision.state;
    }
  });

  it('counts what it retries, also where every attempt makes progress', () => {
    let state = FIRST_ATTEMPT;
    const told = [died('SIGSEGV'), failed('ROBLE_INTERNAL'), died('SIGSEGV')].map((end, i) => {
      const decision = decide(end, state, i);
      if (!decision.retry) throw new Error(decision.reason);
      state = decision.state;
      return describeEnds(state, end);
    });
    expect(told).toEqual([
      '',
      '2 training processes have ended so far, 1 of them like this one',
      '3 training processes have ended so far, 2 of them like this one',
    ]);
  });

  it('does not try again what the user has to mend, nor an error that comes back at the same step', () => {
    for (const code of ['ROBLE_DATASET_INVALID', 'ROBLE_TRAIN_DIVERGED', 'ROBLE_DEVICE_UNAVAILABLE'] as const)
      expect(decide(failed(code)).retry).toBe(false);
    const first = decide(failed('ROBLE_INTERNAL'));
    expect(first.retry && decide(failed('ROBLE_INTERNAL'), first.state).retry).toBe(false);
    expect(first.retry && decide(failed('ROBLE_INTERNAL', 'other'), first.state).retry).toBe(true);
  });

  it('halves the microbatch after a lack of memory of any kind, but not after other ends', () => {
    for (const end of [failed('ROBLE_OUT_OF_MEMORY'), died('SIGKILL', { oomKill: true })])
      expect(decide(end)).toMatchObject({ retry: true, ceilings: { microbatchSize: 8 } });
    for (const decision of decideAll([died('SIGKILL'), died('SIGKILL'), died('SIGABRT')]))
      expect(decision).not.toHaveProperty('ceilings');
    const killedWith = (phase: 'training' | 'evaluation', size: number) =>
      decideRetry(
        FIRST_ATTEMPT,
        {
          end: died('SIGKILL', { oomKill: true }),
          step: 0,
          hasBegun: true,
          inMemory: { phase, microbatchSize: size, evaluationBatchSize: size },
        },
        0,
        options,
      );
    expect(killedWith('evaluation', 32)).toMatchObject({ ceilings: { evaluationBatchSize: 16 } });
    expect(killedWith('training', 1).retry).toBe(false);
  });

  it('keeps what was halved through other ends, and halves the training too when an evaluation is ended again', () => {
    const inMemory = { phase: 'evaluation', microbatchSize: 16, evaluationBatchSize: 8 } as const;
    let state = FIRST_ATTEMPT;
    const ceilings = [
      died('SIGKILL', { oomKill: true }),
      died('SIGSEGV'),
      died('SIGKILL', { oomKill: true }),
    ].map((end) => {
      const decision = decideRetry(state, { end, step: 0, hasBegun: true, inMemory }, 0, options);
      if (!decision.retry) throw new Error(decision.reason);
      state = decision.state;
      return decision.ceilings;
    });
    expect(ceilings).toEqual([
      { evaluationBatchSize: 4 },
      { evaluationBatchSize: 4 },
      { microbatchSize: 8, evaluationBatchSize: 4 },
    ]);
  });

  it('suspects the memory at the second kill without progress where the system does not tell', () => {
    const [first, second] = decideAll(Array(2).fill(died('SIGKILL', { oomKill: undefined })));
    expect(first).not.toHaveProperty('ceilings');
    expect(second).toMatchObject({ ceilings: { microbatchSize: 8 } });
  });
});
