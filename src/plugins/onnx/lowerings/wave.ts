import type { Tensor } from 'onnxruntime-node';
import { loadRuntime } from '../../../engine-kit/onnx/runtime.js';

/** A float32 tensor for a trial run, of sines at a pace: in -1..1 and without zeros. */
export async function wave(shape: readonly number[], pace: number): Promise<Tensor> {
  const { Tensor } = await loadRuntime();
  const size = shape.reduce((a, b) => a * b);
  const values = Float32Array.from({ length: size }, (_, i) => Math.sin(i * pace + 0.1));
  return new Tensor('float32', values, shape);
}
