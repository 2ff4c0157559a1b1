import fc from 'fast-check';
import * as web from 'onnxruntime-web';
import { describe, expect, it } from 'vitest';
import {
  engineOptions,
  largestDifference,
  MIXED_MODEL,
  modelOf,
  randomBatch,
  randomState,
} from '../../../test/support/engine.js';
import { layersOf, PRESETS } from '../../core/learning/presets.js';
import { decodeModel, encodeModel, type OnnxModel } from '../../core/model/onnx/format.js';
import type { ModelSpec } from '../../core/model/spec.js';
import { resolveNetwork } from '../../core/plugin/index.js';
import { plugin } from '../../plugins/onnx/training-engine.js';
import { rangesOf } from './calibrate.js';
import { answerOnce } from './checked-export.js';
import { buildInferenceGraph } from './inference-graph.js';
import { quantizeOnnx } from './quantize.js';
import { quantizationOf, quantizeGraph, quantizeWeights } from './quantized-graph.js';
import { createSession, loadRuntime, runSession } from './runtime.js';

web.env.wasm.numThreads = 1;

const number = fc.float({ noNaN: true, min: -1e6, max: 1e6 });

describe('quantizationOf', () => {
  it('covers the range, with 0 among its steps, and no step to spare', () => {
    fc.assert(
      fc.property(number, number, (a, b) => {
        const [low, high] = [Math.min(a, b), Math.max(a, b)];
        const { scale, zeroPoint } = quantizationOf({ low, high });
        expect(Number.isInteger(zeroPoint) && zeroPoint >= 0 && zeroPoint <= 255).toBe(true);
        expect(Math.fround(scale)).toBe(scale);
        expect((0 - zeroPoint) * scale).toBeLessThanOrEqual(Math.min(low, 0));
        expect((255 - zeroPoint) * scale).toBeGreaterThanOrEqual(Math.max(high, 0));
        // As 0 must be a step, one end may be up to a step too far out.
        const width = Math.max(high, 0) - Math.min(low, 0);
        if (width > 1e-30) expect(width / scale).toBeGreaterThan(253);
      }),
    );
  });

  it('makes a ReLU of the quantization of numbers that are never negative', () => {
    expect(quantizationOf({ low: 0, high: 3 }).zeroPoint).toBe(0);
  });
});

describe('quantizeWeights', () => {
  const matrices = fc
    .record({ rows: fc.integer({ min: 1, max: 6 }), columns: fc.integer({ min: 1, max: 6 }) })
    .chain(({ rows, columns }) =>
      fc.record({
        dims: fc.constant([rows, columns]),
        weights: fc.array(fc.oneof(number, fc.constant(0)), {
          minLength: rows * columns,
          maxLength: rows * columns,
        }),
        axis: fc.constantFrom(0, 1),
        biases: fc.array(number, { minLength: 6, maxLength: 6 }),
        inputScale: fc.double({ min: 1e-3, max: 10, noNaN: true }),
      }),
    );

  it('is at most half a step away, channel by channel, of the weights and of the bias', () => {
    fc.assert(
      fc.property(matrices, ({ dims, weights, axis, biases, inputScale }) => {
        const bias = Float32Array.from(biases.slice(0, dims[axis]));
        const found = quantizeWeights(Float32Array.from(weights), dims, axis, inputScale, bias);
        expect(found.scales).toHaveLength(dims[axis]!);
        for (const [i, weight] of weights.entries()) {
          const scale = found.scales[axis === 0 ? Math.floor(i / dims[1]!) : i % dims[1]!]!;
          // Beyond a half by the roundings of the division.
          expect(Math.abs(found.weights[i]! * scale - weight)).toBeLessThanOrEqual(scale * 0.500001);
        }
        for (const [channel, value] of bias.entries()) {
          const step = found.scales[channel]! * inputScale;
          expect(Math.abs(found.bias![channel]! * step - value)).toBeLessThanOrEqual(step * 0.500001);
        }
      }),
    );
  });

  it('leaves room for two products in 16 bits, where processors without VNNI add them, and for the bias in 32', () => {
    fc.assert(
      fc.property(matrices, ({ dims, weights, axis, biases, inputScale }) => {
        const bias = Float32Array.from(biases.slice(0, dims[axis]));
        const found = quantizeWeights(Float32Array.from(weights), dims, axis, inputScale, bias);
        for (const weight of found.weights) expect(2 * 255 * Math.abs(weight)).toBeLessThan(2 ** 15);
        for (const value of found.bias!) expect(Math.abs(value)).toBeLessThanOrEqual(2 ** 30);
      }),
    );
  });
});

/** A classifier with random weights, as training exports it. */
async function exported(spec: ModelSpec): Promise<Uint8Array> {
  const engine = await plugin.open(spec, engineOptions(4));
  await engine.importState(randomState(resolveNetwork(spec), 4));
  const onnx = await engine.exportOnnx({ name: 'random' });
  await engine.close();
  return onnx;
}

const quantize = (spec: ModelSpec, model: Uint8Array, golden = images(spec, 5, 2)) =>
  quantizeOnnx({ model, input: spec.input, calibration: images(spec, 40, 1), golden, onImages: () => {} });

function images(spec: ModelSpec, count: number, seed: number): Uint8Array {
  return randomBatch(resolveNetwork(spec), count, seed).images as Uint8Array;
}

const ofLayers = (layers: Parameters<typeof modelOf>[2]) =>
  modelOf({ height: 9, width: 8, channels: 3 }, 5, layers);

const SPECS: Record<string, { spec: ModelSpec; float: number }> = {
  ...Object.fromEntries(
    Object.keys(PRESETS).map((preset) => [
      preset,
      {
        spec: { input: { height: 28, width: 26, channels: 1 }, classes: 7, layers: layersOf({ preset }) },
        float: 0,
      },
    ]),
  ),
  // The two convolutions of 6 channels are widened to 8 in the graph itself, for the WebGPU of the runtime.
  mixed: { spec: MIXED_MODEL, float: 2 },
  'smooth activations': {
    spec: ofLayers([
      { type: 'conv', filters: 8 },
      { type: 'silu' },
      { type: 'averagePool', size: 2 },
      { type: 'conv', filters: 8, bias: false },
      { type: 'gelu' },
      { type: 'globalMaxPool' },
      { type: 'dense', units: 6, bias: false },
      { type: 'batchNorm' },
      { type: 'relu' },
      { type: 'dense', units: 'classes' },
    ]),
    float: 0,
  },
  'mobile blocks': {
    spec: ofLayers([
      { type: 'conv', filters: 8, bias: false },
      { type: 'batchNorm' },
      { type: 'relu6' },
      { type: 'conv', filters: 8, groups: 8, stride: 2, padding: [0, 0, 1, 1], bias: false },
      { type: 'batchNorm' },
      { type: 'relu6' },
      { type: 'squeezeExcite', units: 4 },
      { type: 'residual', layers: [{ type: 'conv', filters: 8, groups: 2 }, { type: 'hardSwish' }] },
      { type: 'globalAveragePool' },
      { type: 'dense', units: 'classes' },
    ]),
    float: 0,
  },
  'one dense layer': { spec: ofLayers([{ type: 'flatten' }, { type: 'dense', units: 'classes' }]), float: 0 },
};

describe('a quantized classifier', () => {
  it.each(Object.entries(SPECS))(
    '%s: has integers for its layers, and answers nearly as before, everywhere the same',
    async (_, { spec, float }) => {
      const model = await exported(spec);
      const golden = images(spec, 5, 2);
      const { onnx, layers, golden: answer } = await quantize(spec, model, golden);
      expect(layers.all - layers.quantized).toBe(float);
      const before = await answerOnce(spec, model, { threads: 1 })(golden, 5);
      // Sums of many roundings of half a step, of some 1/128 of the largest weight: far less than a wrong scale would do.
      expect(largestDifference(before, answer.probabilities)).toBeLessThan(0.1);
      expect(largestDifference(before, answer.probabilities)).toBeGreaterThan(0);
      // In a batch of another size, on more threads.
      const alone = await answerOnce(spec, onnx, { threads: 2 })(golden.slice(0, golden.length / 5), 1);
      expect(largestDifference(alone, answer.probabilities.slice(0, spec.classes))).toBeLessThan(1e-6);
      // In another program. Integers have no order of summation; floats between them may be rounded to the next step.
      const { height, width, channels } = spec.input;
      const session = await web.InferenceSession.create(onnx, { executionProviders: ['wasm'] });
      const pictures = new web.Tensor('uint8', golden, [5, height, width, channels]);
      const elsewhere = (await session.run({ images: pictures })).probabilities!.data as Float32Array;
      await session.release();
      expect(largestDifference(elsewhere, answer.probabilities)).toBeLessThan(
        Math.max(answer.tolerance, 1e-6),
      );
    },
  );

  it('has the same bytes when it is made again', async () => {
    const { spec } = SPECS.mixed!;
    const model = await exported(spec);
    expect((await quantize(spec, model)).onnx).toEqual((await quantize(spec, model)).onnx);
  });

  it('has ranges that reach to every number that was seen', async () => {
    const spec = SPECS['smooth activations']!.spec;
    const model = decodeModel(await exported(spec))!;
    const values: string[] = [];
    quantizeGraph(model, (value) => {
      values.push(value);
      return { low: 0, high: 1 };
    });
    const { height, width, channels } = spec.input;
    const shape = [height, width, channels];
    const pictures = images(spec, 70, 3);
    const ranges = await rangesOf(model, values, { images: pictures, shape }, () => {});
    const seen = await valuesOf(model, values, pictures, [70, ...shape]);
    expect(values.length).toBe(5);
    for (const [i, value] of values.entries()) {
      const { scale, zeroPoint } = quantizationOf(ranges.get(value)!);
      const [least, most] = [(0 - zeroPoint) * scale, (255 - zeroPoint) * scale];
      // The order of summation may differ by the outputs that are asked for.
      const rounding = (most - least) * 1e-5;
      expect(seen[i]!.every((number) => number >= least - rounding && number <= most + rounding)).toBe(true);
    }
  });
});

/** What each of the values is for some pictures. */
async function valuesOf(
  model: OnnxModel,
  values: readonly string[],
  pictures: Uint8Array,
  shape: readonly number[],
): Promise<Float32Array[]> {
  const outputs = values.map((name) => ({ name, type: { tensorType: { elemType: 1 } } }));
  const graph = { ...model.graph, output: [...model.graph.output, ...outputs] };
  const session = await createSession(encodeModel({ ...model, graph }), { threads: 1 });
  const { Tensor } = await loadRuntime();
  const found = await runSession(session, { images: new Tensor('uint8', pictures, shape) });
  await session.release();
  return values.map((value) => found[value]!.data as Float32Array);
}

describe('decodeModel', () => {
  it('reads what roble writes, to the same bytes', () => {
    for (const { spec } of Object.values(SPECS)) {
      const network = resolveNetwork(spec);
      const bytes = buildInferenceGraph(network, randomState(network, 1).parameters, {
        fold: true,
        metadata: { a: 'b' },
      });
      expect(Buffer.from(encodeModel(decodeModel(bytes)!)).equals(bytes)).toBe(true);
    }
  });

  it('refuses what it would lose a part of, and what is no model', async () => {
    const network = resolveNetwork(MIXED_MODEL);
    const bytes = buildInferenceGraph(network, randomState(network, 1).parameters, { fold: true });
    // Field 6 of a model is its documentation, which roble does not write.
    const documented = Buffer.concat([bytes, Buffer.from([0x32, 2, 0x68, 0x69])]);
    expect(decodeModel(documented)).toBeUndefined();
    expect(decodeModel(bytes.subarray(0, bytes.length - 1))).toBeUndefined();
    await expect(quantize(MIXED_MODEL, documented)).rejects.toMatchObject({
      code: 'ROBLE_QUANTIZATION_REFUSED',
    });
  });
});
