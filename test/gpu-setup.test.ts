import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { temporaryFolder } from './support/temporary-folder.js';

let folder: string;
let remove: () => Promise<void>;
beforeAll(async () => {
  ({ path: folder, remove } = await temporaryFolder('gpu-setup'));
});
afterAll(() => remove());

const CLI = join(import.meta.dirname, '..', 'bin', 'run.js');
const environment = () => ({
  XDG_CACHE_HOME: join(folder, 'cache'),
  XDG_CONFIG_HOME: join(folder, 'config'),
  npm_config_offline: 'true',
});
const roble = (args: readonly string[], env: Record<string, string> = {}) =>
  execa('node', [CLI, ...args], { cwd: folder, reject: false, env: { ...environment(), ...env } });

/** Without the engine of a package, which takes long to be timed. */
const without = (...names: string[]) => ({
  NODE_OPTIONS: `--import ${new URL('support/missing-package.js', import.meta.url).href}`,
  MISSING_PACKAGE: names.join(' '),
});

describe('gpu:setup', () => {
  it('tells what the machine can do, writes it where it is asked to, and auto goes by it', async () => {
    const config = join(folder, 'roble.config.yaml');
    await writeFile(config, '# mine\ntrain:\n  device: cpu # slow\n  epochs: 3\n');
    const words = ['gpu:setup', '--json', '--write', '--report', 'audit.md'];
    const { exitCode, stdout } = await roble(words, without('@tensorflow/'));
    const { ok, result } = JSON.parse(stdout);
    expect([exitCode, ok]).toEqual([0, true]);
    const cpu = result.devices.find(
      (one: { engine: string; device: string }) => one.engine === 'onnx' && one.device === 'cpu',
    );
    expect(cpu).toMatchObject({ usable: true, software: false, difference: 0 });
    expect(cpu.trainImagesPerSecond).toBeGreaterThan(0);
    expect(result.findings.map(({ id }: { id: string }) => id)).toContain('gpu-on-bus');
    expect(result.asked).toMatchObject({ engine: 'onnx', device: 'cpu', usable: true });
    const written = await readFile(config, 'utf8');
    expect(written).toContain('# mine');
    expect(written).toContain(`device: ${result.best.device}`);
    expect(written).toContain('epochs: 3');
    const audit = await readFile(join(folder, 'audit.md'), 'utf8');
    for (const title of ['## Machine', '## Software', '## Data', '## Figures', '## Risks'])
      expect(audit).toContain(title);
    expect(audit).toContain('| onnx | cpu |');
  }, 240_000);

  it('ends with 3 when the configuration asks for what is not there', async () => {
    await writeFile(join(folder, 'roble.config.yaml'), 'train: { device: cuda:7 }\n');
    const { exitCode, stdout } = await roble(['gpu:setup'], without('@tensorflow/', 'onnxruntime-'));
    expect(exitCode).toBe(3);
    expect(stdout).toContain('The configuration asks for cuda:7 of onnx, which cannot be used');
    await writeFile(join(folder, 'roble.config.yaml'), '');
  }, 240_000);

  it('writes a script that runs without roble, here and over the tree of another machine', async () => {
    expect((await roble(['gpu:setup', '--script', 'check.sh'])).exitCode).toBe(0);
    expect((await roble(['gpu:setup', '--script', 'check.sh'])).exitCode).toBe(2);
    const script = join(folder, 'check.sh');
    expect((await execa('sh', ['-n', script])).exitCode).toBe(0);
    const here = await execa('sh', [script], { reject: false });
    expect(here.stdout).toContain('checks failed');
    const { root, put } = otherMachine();
    await put('sys/bus/pci/devices/0000:01:00.0/class', '0x030200');
    await put('sys/bus/pci/devices/0000:01:00.0/vendor', '0x10de');
    await put('sys/module/nouveau/version', '1');
    await put('.dockerenv', '');
    const other = await execa('sh', [script, root], { reject: false, env: { CUDA_VISIBLE_DEVICES: '-1' } });
    expect(other.exitCode).toBe(1);
    for (const words of [
      'vendor 0x10de',
      'nouveau holds the GPU',
      '--gpus all',
      'CUDA_VISIBLE_DEVICES="-1" hides',
    ])
      expect(other.stdout).toContain(words);
  });

  it('shows what an installation would do, and does not do it unasked', async () => {
    const { exitCode, stderr } = await roble(['gpu:setup', '--install', 'tensorflow']);
    expect(exitCode).toBe(2);
    expect(stderr).toContain('npm install @tensorflow/tfjs-node@4.22.0');
    expect(stderr).toContain('--yes');
  });

  it('explains an installation that fails, and ends with 3', async () => {
    // npm is told to be offline, so that no network is asked.
    await writeFile(join(folder, 'package.json'), '{ "name": "mine", "private": true }');
    const { exitCode, stdout } = await roble(['gpu:setup', '--install', 'tensorflow', '--yes', '--json']);
    expect(exitCode).toBe(3);
    expect(JSON.parse(stdout).error).toMatchObject({ code: 'ROBLE_INSTALL_FAILED' });
  });

  it('shows how busy processors are until it is stopped', async () => {
    const child = execa('node', [CLI, 'gpu:setup', '--watch'], { reject: false });
    let output = '';
    child.stderr!.on('data', (chunk) => {
      output += chunk;
    });
    await expect.poll(() => output, { timeout: 30_000 }).toMatch(/CPU: .*%/);
    child.kill('SIGINT');
    expect((await child).exitCode).toBe(0);
  });
});

function otherMachine() {
  const root = join(folder, 'other');
  return {
    root,
    async put(path: string, text: string) {
      const { mkdir } = await import('node:fs/promises');
      await mkdir(join(root, path, '..'), { recursive: true });
      await writeFile(join(root, path), text);
    },
  };
}
