/** `roble model:summary` as users run it: the built program in a folder of its own. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { layersOf } from '../src/core/learning/presets.js';
import { summarizeModel } from '../src/index.js';
import { temporaryFolder } from './support/temporary-folder.js';

const program = fileURLToPath(new URL('../bin/run.js', import.meta.url));
let cwd: string;
let remove: () => Promise<void>;
beforeAll(async () => {
  ({ path: cwd, remove } = await temporaryFolder('summary'));
});
afterAll(() => remove());

const summary = async (...args: string[]) => {
  const result = await execa('node', [program, 'model:summary', ...args], { cwd, reject: false });
  return { ...result, answer: () => JSON.parse(result.stdout) };
};

describe('roble model:summary', () => {
  it('shows the layers in an aligned table, with the totals', async () => {
    const { stdout, exitCode } = await summary('--preset', 'cnn-small', '--classes', '10');
    expect(exitCode).toBe(0);
    const lines = stdout.split('\n');
    expect(lines[0]).toBe('Input 28x28x1 (height, width, channels), 10 classes');
    const table = lines.slice(2, lines.indexOf('', 2));
    expect(new Set(table.map((line) => line.length)).size).toBe(1);
    expect(table.at(-1)).toMatch(/^dense1 +dense +10 +650 +640$/);
    expect(stdout).toContain('Parameters     24,058 (0.10 MB');
  });

  it('gives the same data with --json as the library does', async () => {
    const { answer } = await summary(
      '--preset',
      'resnet-small',
      '--width',
      '30',
      '--height',
      '20',
      '--channels',
      '3',
      '--classes',
      '5',
      '--json',
    );
    const expected = summarizeModel({
      input: { height: 20, width: 30, channels: 3 },
      classes: 5,
      layers: layersOf({ preset: 'resnet-small' }),
    });
    expect(answer()).toMatchObject({ ok: true, result: JSON.parse(JSON.stringify(expected)) });
  });

  it('takes the network of the configuration', async () => {
    const layers = '[{ type: flatten }, { type: dense, name: only, units: classes }]';
    const file = join(cwd, 'own.yaml');
    await writeFile(file, `image: { width: 4, height: 3 }\nmodel: { layers: ${layers} }\n`);
    const { answer } = await summary('--config', file, '--classes', '6', '--json');
    expect(answer().result).toMatchObject({
      input: { height: 3, width: 4, channels: 1 },
      parameters: 12 * 6 + 6,
    });
  });

  it('lists the presets', async () => {
    const { stdout } = await summary('--list');
    expect(stdout.split('\n').map((line) => line.split(' ')[0])).toEqual([
      'cnn-v2',
      'cnn-small',
      'resnet-small',
      'head',
      'characters',
    ]);
  });

  it.each([
    [['--preset', 'cnn-small'], 'ROBLE_USAGE', /--classes/, 2],
    [['--preset', 'cnn-smal', '--classes', '3'], 'ROBLE_MODEL_INVALID', /Did you mean "cnn-small"/, 2],
    [['--preset', 'cnn-v2', '--classes', '3', '--width', '6'], 'ROBLE_MODEL_INVALID', /"maxPool3"/, 2],
    [['nowhere'], 'ROBLE_FILE_NOT_FOUND', /model\.json/, 4],
    [['nowhere', '--classes', '3'], 'ROBLE_USAGE', /--classes cannot change it/, 2],
  ])('explains what is wrong with %j', async (args, code, text, exit) => {
    const { answer, exitCode, stdout } = await summary(...args, '--json');
    expect(exitCode).toBe(exit);
    expect(answer()).toMatchObject({ ok: false, error: { code } });
    expect(stdout.replaceAll('\\"', '"')).toMatch(text);
  });
});
