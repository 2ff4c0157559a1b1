/** What a session holds in memory, and how it words a lack of it. */
import { getKernel, memory, registerKernel, type TensorInfo, unregisterKernel } from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { bitsOf, engineOptions, modelOf, randomBatch, randomState } from '../../../test/support/engine.js';
import { type Batch, resolveNetwork } from '../../core/plugin/index.js';
import { loadTensorFlow } from './tensorflow.js';
import { plugin, TfjsTrainingSession } from './training-engine.js';

const spec = modelOf({ height: 4, width: 4, channels: 1 }, 3, [
  { type: 'conv', filters: 2, stride: 2 },
  { type: 'batchNorm' },
  { type: 'gelu' },
  { type: 'residual', layers: [{ type: 'conv', filters: 2 }] },
  { type: 'globalMaxPool' },
  { type: 'dropout', rate: 0.2 },
  { type: 'dense', units: 'classes' },
]);
const network = resolveNetwork(spec);
const options = engineOptions(4, { clipNorm: 1, ema: true });
const limits = { loss: 0, gradientNorm: 0 };

describe('tensors', () => {
  it('are as many after 250 steps, some of them not applied, as after the first, and none after the end', async () => {
    const before = memory();
    const session = await plugin.open(spec, options);
    await session.importState(randomState(network, 1));
    await session.step(randomBatch(network, 4, 0), { learningRate: 0.01 });
    const { numTensors, numBytes } = memory();
    for (let step = 1; step < 250; step++) {
      if (step % 50 === 0) await session.setMicrobatchSize(step % 100 === 0 ? 4 : 3);
      const hyper = { learningRate: 0.01, emaDecay: 0.9, ...(step % 10 === 0 && { limits }) };
      const { applied } = await session.step(randomBatch(network, 4, step), hyper);
      expect(applied).toBe(step % 10 !== 0);
      if (step % 25 === 0) await session.evaluate(randomBatch(network, 3, step).images, 3);
      if (step % 100 === 0) await session.importState(await session.exportState());
      expect(memory()).toMatchObject({ numTensors, numBytes });
    }
    await session.exportOnnx({});
    expect(memory()).toMatchObject({ numTensors, numBytes });
    await session.close();
    expect(memory()).toMatchObject({ numTensors: before.numTensors, numBytes: before.numBytes });
  });

  it('of a step that throws in the middle are freed, and the next step is as if it had not been', async () => {
    const [broken, undisturbed] = [await plugin.open(spec, options), await plugin.open(spec, options)];
    for (const session of [broken, undisturbed]) {
      await session.importState(randomState(network, 2));
      await session.step(randomBatch(network, 4, 0), { learningRate: 0.01 });
    }
    const { numTensors } = memory();
    const batch = randomBatch(network, 4, 1);
    // The mask is asked for late in the forward pass, when the norm's statistics are there.
    const withoutMask: Batch = { ...batch, masks: { dropout1: new Uint8Array(1) } };
    await expect(broken.step(withoutMask, { learningRate: 0.01 })).rejects.toThrow();
    expect(memory().numTensors).toBe(numTensors);
    expect(await broken.step(batch, { learningRate: 0.01 })).toEqual(
      await undisturbed.step(batch, { learningRate: 0.01 }),
    );
    await broken.close();
    await undisturbed.close();
  });
});

describe('a lack of memory', () => {
  it.each([
    'Invalid TF_Status: 8\nMessage: OOM when allocating tensor with shape[8,2,2,2] and type float on /job:localhost/replica:0/task:0/device:GPU:0 by allocator GPU_0_bfc',
    'Invalid TF_Status: 8\nMessage: SameWorkerRecvDone unable to allocate output tensor.',
    'ResourceExhaustedError: failed to allocate',
    'Invalid TF_Status: 13\nMessage: Failed to create cuBLAS handle: CUBLAS_STATUS_ALLOC_FAILED',
  ])('as TensorFlow words it is a coded error, and parts of the batch go on: %j', async (message) => {
    // The native package's way, on kernels of the plain one, of which one has memory for 4 samples.
    const name = new URL('../../../test/support/tensorflow-without-gpu.js', import.meta.url).href;
    const loaded = await loadTensorFlow({ device: 'cpu', threads: 0 }, [
      { name, backend: 'tensorflow', use: 'a test' },
    ]);
    const kernel = { ...getKernel('Conv2D', 'tensorflow') };
    const replace = (kernelFunc: typeof kernel.kernelFunc) => {
      unregisterKernel('Conv2D', 'tensorflow');
      registerKernel({ ...kernel, kernelFunc });
    };
    replace((given) => {
      const [samples] = (given.inputs.x as TensorInfo).shape;
      if (samples! > 4) throw new Error(message);
      return kernel.kernelFunc(given);
    });
    const session = new TfjsTrainingSession(loaded, network, { ...options, batchSize: 8 });
    try {
      await session.importState(randomState(network, 1));
      const before = bitsOf(await session.exportState());
      const step = () => session.step(randomBatch(network, 8, 1), { learningRate: 0.01 });
      await expect(step()).rejects.toMatchObject({
        code: 'ROBLE_OUT_OF_MEMORY',
        details: { received: message },
      });
      expect(bitsOf(await session.exportState())).toEqual(before);
      await session.setMicrobatchSize(4);
      expect((await step()).applied).toBe(true);
    } finally {
      replace(kernel.kernelFunc);
      await session.close();
    }
  });

  it('of the plain package is a coded error, and the session stays usable', async () => {
    const wide = modelOf({ height: 2, width: 2, channels: 1 }, 3, [
      { type: 'flatten' },
      { type: 'dense', units: 100_000 },
      { type: 'dense', units: 'classes' },
    ]);
    const session = await plugin.open(wide, { ...options, ema: false });
    await session.importState(randomState(resolveNetwork(wide), 1));
    const { numTensors } = memory();
    // The hidden layer would have more values than the longest array that V8 makes.
    const count = 200_000;
    const images = new Uint8Array(count * 4);
    await expect(session.evaluate(images, count)).rejects.toMatchObject({ code: 'ROBLE_OUT_OF_MEMORY' });
    expect(memory().numTensors).toBe(numTensors);
    expect((await session.evaluate(images.subarray(0, 4), 1)).length).toBe(3);
    await session.close();
  });
});
