import { execa } from 'execa';
import { expect, it } from 'vitest';
import { Tracing } from './tracing.js';

it('needs no package where no traces are sent', async () => {
  expect(await Tracing.open({ url: undefined, sampleRatio: 1 }, () => {})).toBeUndefined();
});

it('says what to install where the packages are missing', async () => {
  const url = (path: string) => new URL(`../../../../${path}`, import.meta.url).href;
  const script = `
    const { Tracing } = await import('${url('dist/core/serving/observe/tracing.js')}');
    await Tracing.open({ url: 'http://127.0.0.1:4318', sampleRatio: 1 }, () => {}).catch((error) =>
      console.log(JSON.stringify(error)));`;
  const { stdout } = await execa(
    process.execPath,
    ['--import', url('test/support/missing-package.js'), '--input-type=module', '--eval', script],
    { env: { MISSING_PACKAGE: '@opentelemetry/' } },
  );
  expect(JSON.parse(stdout)).toMatchObject({
    code: 'ROBLE_PACKAGE_MISSING',
    nextSteps: [expect.stringMatching(/^npm install .*@opentelemetry\/sdk-trace/), expect.any(String)],
  });
});
