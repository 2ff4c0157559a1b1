import type { Padding, ResolvedConv, Window } from '../../../core/plugin/index.js';
import type { GraphBuilder, Value } from '../../../engine-kit/onnx/graph.js';

/**
 * All that each window of a picture sees, as im2col does: [N, C, H, W] -> [N, taps * C, H', W'], the tap (row, then
 * column of the kernel) outside, the channel inside. Beyond the picture lies `outside`, by default zero.
 */
export function windowTaps(
  graph: GraphBuilder,
  x: Value,
  { kernel, stride, padding }: Window,
  output: readonly [number, number],
  outside?: number,
): Value {
  const padded = pad(graph, x, padding, outside);
  const taps: Value[] = [];
  for (let row = 0; row < kernel[0]; row++)
    for (let column = 0; column < kernel[1]; column++) {
      const ends = [row + (output[0] - 1) * stride[0] + 1, column + (output[1] - 1) * stride[1] + 1];
      taps.push(graph.slice(padded, [row, column], ends, [2, 3], stride));
    }
  return graph.op('Concat', taps, { axis: 1 });
}

/** Borders around pictures [N, C, H, W], of `outside`, by default zero; negative ones cut. */
export function pad(graph: GraphBuilder, x: Value, padding: Padding, outside?: number): Value {
  if (padding.every((side) => side === 0)) return x;
  const [top, left, bottom, right] = padding;
  const borders = graph.ints([0, 0, top, left, 0, 0, bottom, right]);
  return graph.op('Pad', outside === undefined ? [x, borders] : [x, borders, graph.float(outside)]);
}

/** Rows and columns at the end of a picture that no window reached. */
export function beyondWindows(
  { kernel, stride, padding }: Window,
  input: readonly [number, number],
  output: readonly [number, number],
): [number, number] {
  const rest = (axis: 0 | 1) =>
    input[axis] + padding[axis] + padding[axis + 2]! - (stride[axis] * (output[axis] - 1) + kernel[axis]);
  return [rest(0), rest(1)];
}

/** Whether each channel is convolved by itself, to one of the output. */
export function isDepthwise({ groups, input, output }: ResolvedConv): boolean {
  return groups > 1 && groups === input[0] && groups === output[0];
}

/** The side lengths that every lowering needs. */
export interface ConvShapes {
  readonly batch: number;
  readonly inChannels: number;
  readonly outChannels: number;
  readonly input: readonly [number, number];
  readonly output: readonly [number, number];
  readonly groups: number;
  readonly layer: ResolvedConv;
}

export function convShapes(layer: ResolvedConv, batch: number): ConvShapes {
  const [inChannels, height, width] = layer.input as readonly [number, number, number];
  const [outChannels, outHeight, outWidth] = layer.output as readonly [number, number, number];
  const { groups } = layer;
  const [input, output] = [[height, width] as const, [outHeight, outWidth] as const];
  return { batch, inChannels, outChannels, input, output, groups, layer };
}
