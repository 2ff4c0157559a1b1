import { expect, it, vi } from 'vitest';
import { Tracing } from './tracing.js';

vi.mock('@opentelemetry/sdk-trace', () => {
  throw Object.assign(new Error("Cannot find package '@opentelemetry/sdk-trace'"), {
    code: 'ERR_MODULE_NOT_FOUND',
  });
});

it('says what to install where the packages are missing, and needs none where no traces are sent', async () => {
  const open = (url?: string) => Tracing.open({ url, sampleRatio: 1 }, () => {});
  expect(await open()).toBeUndefined();
  await expect(open('http://127.0.0.1:4318')).rejects.toMatchObject({
    code: 'ROBLE_PACKAGE_MISSING',
    exitCode: 3,
    details: {
      nextSteps: [expect.stringMatching(/^npm install .*@opentelemetry\/sdk-trace/), expect.any(String)],
    },
  });
});
