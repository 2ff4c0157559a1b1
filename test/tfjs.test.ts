/** The engine tfjs from the command line: warnings, resumes in the other engine, and a package that is missing. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readHistory } from '../src/index.js';
import { temporaryFolder } from './support/temporary-folder.js';
import { tinyDataset } from './support/tiny-dataset.js';

let root: string;
let remove: () => Promise<void>;
beforeAll(async () => {
  ({ path: root, remove } = await temporaryFolder('tfjs'));
  await tinyDataset(join(root, 'dataset'));
  await writeFile(join(root, 'roble.config.yaml'), CONFIG);
});
afterAll(() => remove());

const CONFIG = `
dataset: dataset
model:
  layers:
    - { type: conv, filters: 6, stride: 2, bias: false }
    - { type: batchNorm }
    - { type: relu }
    - { type: residual, layers: [{ type: conv, filters: 8, stride: 2, bias: false }, { type: batchNorm }, { type: gelu }] }
    - { type: globalAveragePool }
    - { type: dropout, rate: 0.1 }
    - { type: dense, units: classes }
train:
  engine: tfjs
  batchSize: 16
  epochs: 3
  learningRate: 0.02
`;

async function roble(words: readonly string[], env: Record<string, string> = {}) {
  const bin = join(import.meta.dirname, '../bin/run.js');
  const result = await execa(process.execPath, [bin, ...words, '--json'], { cwd: root, env, reject: false });
  return { exitCode: result.exitCode, ...JSON.parse(result.stdout) };
}

describe('train --engine tfjs', () => {
  it('learns, exports a model that answers in ONNX Runtime, and tells that it is slow', async () => {
    const trained = await roble(['train', '--run', 'learns']);
    expect(trained).toMatchObject({ exitCode: 0, result: { stopped: 'completed', epochs: 3 } });
    expect(trained.warnings).toEqual([expect.stringContaining('plain JavaScript')]);
    const { epochs } = await readHistory(join(root, 'learns'));
    expect(epochs[2]!.loss).toBeLessThan(epochs[0]!.loss * 0.9);
    // The bundle's golden answers are those of TensorFlow.js; opening it compares them with ONNX Runtime's.
    expect((await roble(['model:summary', 'learns/model'])).exitCode).toBe(0);
  });

  it.each([
    ['onnx', 'tfjs'],
    ['tfjs', 'onnx'],
  ])('a run of %s goes on in %s, which the history tells', async (one, other) => {
    const run = `${one}-then-${other}`;
    expect((await roble(['train', '--run', run, '--engine', one, '--epochs', '1'])).exitCode).toBe(0);
    const resumed = await roble(['train:resume', run, '--epochs', '2', '--set', `engine=${other}`]);
    expect(resumed).toMatchObject({ exitCode: 0, result: { stopped: 'completed', epochs: 2 } });
    const { epochs, events } = await readHistory(join(root, run));
    expect(epochs[1]!.loss).toBeLessThan(epochs[0]!.loss);
    expect(events.map(({ detail }) => detail)).toContainEqual(
      expect.stringContaining(`engine: "${one}" -> "${other}"`),
    );
  });

  it('says which packages to install where there is none', async () => {
    const hook = pathToFileURL(join(import.meta.dirname, 'support/missing-package.js')).href;
    const failed = await roble(['train', '--run', 'missing'], {
      NODE_OPTIONS: `--import ${hook}`,
      MISSING_PACKAGE: '@tensorflow/',
    });
    expect(failed).toMatchObject({ exitCode: 3, ok: false, error: { code: 'ROBLE_ENGINE_MISSING' } });
    for (const name of ['tfjs-node-gpu', 'tfjs-node', 'tfjs'])
      expect(failed.error.nextSteps).toContainEqual(
        expect.stringMatching(new RegExp(`npm install @tensorflow/${name}$`)),
      );
  });
});
