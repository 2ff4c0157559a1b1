import { type Batch, everyLayer, type Network, sizeOf } from '../core/plugin/index.js';

/** The samples `start` to `end` of a batch, as views. */
export function batchPart(network: Network, batch: Batch, start: number, end: number): Batch {
  const { height, width, channels } = network.input;
  const part = <T extends Uint8Array | Float32Array>(values: T, size: number) =>
    values.subarray(start * size, end * size) as T;
  const masks: Record<string, Uint8Array> = {};
  for (const { name, type, input } of everyLayer(network.layers))
    if (type === 'dropout') masks[name] = part(batch.masks[name]!, sizeOf(input));
  return {
    step: batch.step,
    count: end - start,
    images: part(batch.images, height * width * channels),
    targets: part(batch.targets, network.classes),
    masks,
  };
}
