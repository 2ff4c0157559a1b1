import { describe, expect, it } from 'vitest';
import { openDevice } from './probe.js';

describe('openDevice', () => {
  it('refuses a device that does not load here, and says what is missing', async () => {
    // There is no NVIDIA GPU of that number on any machine that runs tests.
    await expect(openDevice('cuda:15')).rejects.toMatchObject({
      code: 'ROBLE_DEVICE_UNAVAILABLE',
      message: expect.stringMatching(/"cuda:15" here: .+\./),
      details: { nextSteps: [expect.any(String)] },
    });
  });
});
