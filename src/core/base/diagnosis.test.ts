import { describe, expect, it } from 'vitest';
import { type Diagnosis, diagnose, failedBy, ok } from './diagnosis.js';
import { RobleError } from './errors.js';
import type { Check } from './findings.js';

const check = (id: string, run: Check<number, Diagnosis>['run']): Check<number, Diagnosis> => ({
  id,
  title: id,
  run,
});
const well = check('well', (subject) => ok(`${subject}`));
const never = check('never', () => new Promise<Diagnosis>(() => {}));
/** Far more than any of these takes. */
const PATIENCE_MS = 60_000;

describe('diagnose', () => {
  it('reports a check that throws, at once or later, as failed, and makes the others', async () => {
    const throwing = check('throwing', () => {
      throw new Error('no disk');
    });
    const rejecting = check('rejecting', () => Promise.reject(new RobleError('ROBLE_USAGE', 'So not.')));
    expect(await diagnose([throwing, rejecting, well], 7, PATIENCE_MS)).toEqual([
      expect.objectContaining({ id: 'throwing', status: 'failed', detail: 'no disk' }),
      expect.objectContaining({ id: 'rejecting', status: 'failed', detail: 'So not.' }),
      { id: 'well', title: 'well', status: 'ok', detail: '7' },
    ]);
  });

  it('waits for no check longer than its time, and makes them all at once', async () => {
    let met = () => {};
    const meeting = new Promise<void>((resolve) => {
      met = resolve;
    });
    const waiting = check('waiting', async () => {
      await meeting;
      return ok('met');
    });
    const coming = check('coming', () => {
      met();
      return ok('came');
    });
    const found = await diagnose([never, waiting, coming], 0, 500);
    expect(found.map(({ status }) => status)).toEqual(['failed', 'ok', 'ok']);
    expect(found[0]!.detail).toContain('within 0.5 s');
  });

  it('ends with the signal, whatever the checks do', async () => {
    const controller = new AbortController();
    const aborting = check('aborting', () => {
      controller.abort();
      return ok('');
    });
    const running = diagnose([never, aborting], 0, PATIENCE_MS, { signal: controller.signal });
    await expect(running).rejects.toMatchObject({ code: 'ROBLE_INTERRUPTED' });
  });
});

it('failedBy names the page of errors where an error says nothing to do', () => {
  const { suggestion } = failedBy(new RobleError('ROBLE_TLS_INVALID', 'It is no certificate.'));
  expect(suggestion).toEqual([expect.stringContaining('ROBLE_TLS_INVALID')]);
});

it('failedBy gives all that an error says to do', () => {
  const problems = [{ path: 'train.epoch', message: 'unknown key', suggestion: 'Did you mean "epochs"?' }];
  const error = new RobleError('ROBLE_CONFIG_INVALID', 'It has a problem.', {
    received: 'x',
    expected: 'y',
    problems,
    nextSteps: ['Look.'],
  });
  expect(failedBy(error)).toEqual({
    severity: 'failed',
    message: 'It has a problem. Received: x.',
    suggestion: ['train.epoch: unknown key. Did you mean "epochs"?', 'Expected: y.', 'Look.'],
  });
});
