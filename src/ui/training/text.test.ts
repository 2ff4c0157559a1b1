import fc from 'fast-check';
import { expect, it } from 'vitest';
import { END_CAUSES, HISTORY_EVENTS } from '../../core/learning/history/record.js';
import { incidentText } from './text.js';

it('says the step, what happened, the cause and the detail', () => {
  const time = '2026-01-01T00:00:00Z';
  expect(
    incidentText({ event: 'worker-ended', time, step: 1204, cause: 'heartbeat-lost', detail: 'for 60 s' }),
  ).toBe('step 1,204: the training process ended (no sign of life): for 60 s');
  expect(incidentText({ event: 'microbatch-changed', time, step: 8, microbatchSize: 1024 })).toBe(
    'step 8: batches are split differently (microbatch 1,024)',
  );
  expect(incidentText({ event: 'step-skipped', time, step: 9, samples: [4, 7], detail: 'loss NaN' })).toBe(
    'step 9: step skipped (2 samples): loss NaN',
  );
});

it('is one line of a bearable length, whatever the detail', () => {
  const event = fc.record(
    {
      event: fc.constantFrom(...HISTORY_EVENTS),
      time: fc.constant(''),
      step: fc.nat(),
      detail: fc.string({ unit: 'binary', maxLength: 2000 }),
      cause: fc.constantFrom(...END_CAUSES),
    },
    { requiredKeys: ['event', 'time', 'step'] },
  );
  fc.assert(
    fc.property(event, (happened) => {
      const text = incidentText(happened);
      expect(text).not.toMatch(/\p{Cc}/u);
      expect(text.length).toBeLessThan(320);
    }),
  );
});
