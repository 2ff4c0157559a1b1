/** Which package is taken, on which device, and what is said about it. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadTensorFlow, tensorflowVariables } from './tensorflow.js';
import { plugin } from './training-engine.js';

const support = (name: string) => new URL(`../../../test/support/${name}.js`, import.meta.url).href;
const packageOf = (name: string, backend: 'tensorflow' | 'cpu' = 'tensorflow') => ({
  name,
  backend,
  use: 'a test',
});
const missing = packageOf('@tensorflow/not-installed-gpu');
const broken = packageOf(support('tensorflow-without-library'));
const withoutGpu = packageOf(support('tensorflow-without-gpu'));
const plain = packageOf('@tensorflow/tfjs', 'cpu');

let environment: NodeJS.ProcessEnv;
beforeEach(() => {
  environment = { ...process.env };
});
afterEach(() => {
  for (const name of Object.keys(process.env)) if (!(name in environment)) delete process.env[name];
});

describe('loadTensorFlow', () => {
  it('takes the first package that computes, and tells of one that is there and cannot be used', async () => {
    const loaded = await loadTensorFlow({ device: 'auto', threads: 0 }, [missing, broken, plain]);
    expect(loaded).toMatchObject({ name: '@tensorflow/tfjs', backend: 'cpu', usesGpu: false });
    expect(loaded.tf.tidy(() => loaded.tf.square(3).dataSync()[0])).toBe(9);
    expect(loaded.warnings).toEqual([
      expect.stringMatching(/without-library.* cannot be used: libcudart\.so\.11\.0/),
      expect.stringContaining('plain JavaScript'),
    ]);
  });

  it('says what to install where there is none', async () => {
    const error = await loadTensorFlow({ device: 'cpu', threads: 0 }, [missing, broken]).catch((e) => e);
    expect(error).toMatchObject({ code: 'ROBLE_ENGINE_MISSING', exitCode: 3 });
    expect(error.details.received).toContain('libcudart');
    expect(error.details.received).not.toContain(missing.name);
    expect(error.details.nextSteps).toContainEqual(expect.stringContaining(`npm install ${missing.name}`));
  });

  it('reports that the package for GPUs fell back to the processor', async () => {
    const gpu = { ...withoutGpu, name: `${withoutGpu.name}?tfjs-node-gpu` };
    const { usesGpu, warnings } = await loadTensorFlow({ device: 'auto', threads: 0 }, [gpu]);
    expect(usesGpu).toBe(false);
    expect(warnings).toEqual([expect.stringContaining('sees no GPU')]);
    expect((await loadTensorFlow({ device: 'cpu', threads: 0 }, [gpu])).warnings).toEqual([]);
  });

  it.each(['cuda', 'cuda:0', 'gpu'])('refuses the device %s where there is no GPU', async (device) => {
    for (const packages of [[withoutGpu], [missing, plain]])
      await expect(loadTensorFlow({ device, threads: 0 }, packages)).rejects.toMatchObject({
        code: 'ROBLE_DEVICE_UNAVAILABLE',
        details: { received: expect.stringContaining(packages.at(-1)!.name) },
      });
  });
});

it('lists the processor, with what is to be known about it', async () => {
  expect(await plugin.devices()).toEqual([
    {
      id: 'cpu',
      kind: 'cpu',
      description: expect.stringMatching(/plain JavaScript, @tensorflow\/tfjs \d.*slower/),
    },
  ]);
});

describe('tensorflowVariables', () => {
  it('lets the memory of a GPU grow, keeps float32, and leaves what the user has set', () => {
    expect(tensorflowVariables('auto', 0, {})).toEqual({
      TF_FORCE_GPU_ALLOW_GROWTH: 'true',
      NVIDIA_TF32_OVERRIDE: '0',
    });
    expect(tensorflowVariables('auto', 3, {})).toMatchObject({ TF_NUM_INTRAOP_THREADS: '3' });
    const set = {
      NVIDIA_TF32_OVERRIDE: '1',
      TF_FORCE_GPU_ALLOW_GROWTH: 'false',
      TF_NUM_INTRAOP_THREADS: '1',
      CUDA_VISIBLE_DEVICES: '2',
    };
    expect(tensorflowVariables('cuda', 3, set)).toEqual({});
  });

  it.each([
    ['cpu', undefined, '-1'],
    ['cpu', '0,1', '-1'],
    ['cuda:1', undefined, '1'],
    ['cuda:1', '4, 6', '6'],
    ['gpu:0', 'GPU-8f2c,GPU-11aa', 'GPU-8f2c'],
  ])('for the device %s, of GPUs %s, shows %s', (device, CUDA_VISIBLE_DEVICES, visible) => {
    expect(tensorflowVariables(device, 0, { CUDA_VISIBLE_DEVICES })).toMatchObject({
      CUDA_VISIBLE_DEVICES: visible,
    });
  });

  it.each(['webgpu', 'cuda:x', 'cuda:2'])('refuses %s', (device) => {
    expect(() => tensorflowVariables(device, 0, { CUDA_VISIBLE_DEVICES: '0,1' })).toThrow(
      expect.objectContaining({ code: 'ROBLE_DEVICE_UNAVAILABLE' }),
    );
  });
});
