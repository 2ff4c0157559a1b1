/** An exported classifier is plain ONNX: another program gives the same probabilities. */
import * as web from 'onnxruntime-web';
import { expect, it } from 'vitest';
import { layersOf, PRESETS } from '../src/core/learning/presets.js';
import { resolveNetwork } from '../src/core/model/network.js';
import type { ModelSpec } from '../src/core/model/spec.js';
import { plugin } from '../src/plugins/onnx/training-engine.js';
import { gradientOptions, largestDifference, randomBatch, randomState } from './support/engine.js';

web.env.wasm.numThreads = 1;

it.each(Object.keys(PRESETS))('%s runs in ONNX Runtime Web with the same probabilities', async (preset) => {
  const spec: ModelSpec = {
    input: { height: 28, width: 26, channels: 3 },
    classes: 7,
    layers: layersOf({ preset }),
  };
  const network = resolveNetwork(spec);
  const engine = await plugin.open(spec, gradientOptions(4));
  await engine.importState(randomState(network, 4));
  const onnx = await engine.exportOnnx({ classes: 'a,b,c,d,e,f,g' });
  const session = await web.InferenceSession.create(onnx, { executionProviders: ['wasm'] });
  for (const count of [1, 3]) {
    const { images } = randomBatch(network, count, count);
    const { probabilities } = await session.run({
      images: new web.Tensor('uint8', images, [count, 28, 26, 3]),
    });
    expect(probabilities!.dims).toEqual([count, 7]);
    // The bound that bundles are held to on every machine: other programs sum in another order.
    expect(
      largestDifference(probabilities!.data as Float32Array, await engine.evaluate(images, count)),
    ).toBeLessThan(1e-4);
  }
  await session.release();
  await engine.close();
});
