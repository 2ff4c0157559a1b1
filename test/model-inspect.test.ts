/** `roble model:inspect` as users run it: the built program in a folder of its own. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeModel } from '../src/core/model/onnx/format.js';
import { inspectModel } from '../src/index.js';
import { writeSmallBundle } from '../src/testing/small-model.js';
import { smallClassifier } from './support/onnx-files.js';
import { temporaryFolder } from './support/temporary-folder.js';

const program = fileURLToPath(new URL('../bin/run.js', import.meta.url));
let cwd: string;
let remove: () => Promise<void>;
beforeAll(async () => {
  ({ path: cwd, remove } = await temporaryFolder('inspect'));
  await writeFile(join(cwd, 'classifier.onnx'), encodeModel(smallClassifier()));
  await writeFile(join(cwd, 'cut.onnx'), encodeModel(smallClassifier()).subarray(0, 300));
});
afterAll(() => remove());

const inspect = async (...args: string[]) => {
  const result = await execa('node', [program, 'model:inspect', ...args], { cwd, reject: false });
  return { ...result, answer: () => JSON.parse(result.stdout) };
};

describe('roble model:inspect', () => {
  it('shows what is in the file, and what it would be used as', async () => {
    const { stdout, exitCode } = await inspect(
      'classifier.onnx',
      '--mean',
      '0.5',
      '--deviation',
      '0.25,0.5,0.5',
    );
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^input +images +float32 +\[N, 3, 8, 8\]$/m);
    expect(stdout).toMatch(/^Gemm +1$/m);
    expect(stdout).toContain('Pictures       8x8 RGB; input images, NCHW, float32');
    expect(stdout).toContain('(value / 255 - [0.5, 0.5, 0.5]) / [0.25, 0.5, 0.5]; as asked');
    expect(stdout).toContain('Features       4; features, what the classifier takes');
    expect(stdout).toContain('Layers         can be trained: 3 tensors');
  });

  it('says what is not clear, with the flag that says it', async () => {
    const { stdout, exitCode } = await inspect('classifier.onnx');
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/Not clear: .*values of pictures[\s\S]*--normalization imagenet/);
  });

  it('gives the same data with --json as the library does', async () => {
    const { answer } = await inspect(
      'classifier.onnx',
      '--normalization',
      'imagenet',
      '--output',
      'r',
      '--json',
    );
    const expected = await inspectModel({
      file: join(cwd, 'classifier.onnx'),
      normalization: 'imagenet',
      output: 'r',
    });
    expect(answer()).toMatchObject({
      ok: true,
      result: { ...JSON.parse(JSON.stringify(expected)), file: 'classifier.onnx' },
    });
  });

  it('tells a bundle, by its folder or its model, from other files', async () => {
    await writeSmallBundle(join(cwd, 'bundle'));
    for (const name of ['bundle', 'bundle/model.onnx']) {
      const { stdout, exitCode } = await inspect(name);
      expect(exitCode).toBe(0);
      expect(stdout).toContain('roble model:summary bundle');
    }
  });

  it.each([
    [['nowhere.onnx'], 'ROBLE_FILE_NOT_FOUND', 4],
    [['cut.onnx'], 'ROBLE_ONNX_INVALID', 4],
    [['classifier.onnx', '--height', '9'], 'ROBLE_USAGE', 2],
    [['classifier.onnx', '--mean', '1,x,1', '--deviation', '1'], 'ROBLE_USAGE', 2],
    [['classifier.onnx', '--mean', '1'], 'ROBLE_USAGE', 2],
  ])('explains what is wrong with %j', async (args, code, exit) => {
    const { answer, exitCode } = await inspect(...args, '--json');
    expect(exitCode).toBe(exit);
    expect(answer()).toMatchObject({ ok: false, error: { code } });
  });
});
