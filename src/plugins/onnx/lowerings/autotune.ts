import { cpus } from 'node:os';
import { measuredOnce, type ResolvedConv, sha256 } from '../../../core/plugin/index.js';
import { GraphBuilder } from '../../../engine-kit/onnx/graph.js';
import { loadRuntime } from '../../../engine-kit/onnx/runtime.js';
import { type BenchmarkGraph, benchmark } from './benchmark.js';
import { convWeightGradient, type WeightGradientLowering } from './convolution.js';
import { Layouts } from './layouts.js';
import { type ConvShapes, convShapes } from './windows.js';

/** What the times depend on, besides processor and runtime. */
interface Machine {
  readonly threads: number;
  readonly blockSize: number;
}

/** Another candidate is chosen only where it takes at most this share of the first one's time: less is noise. */
const CLEARLY_FASTER = 0.95;
/** Most samples in a benchmark. */
const MAX_SAMPLES = 64;
/** Most bytes that the windows of its samples take, written out as im2col does. */
const MAX_BYTES = 256 * 2 ** 20;

/**
 * The fastest of the ways to compute a convolution's weight gradient: each runs in a graph of its own on this machine,
 * in turn with the others, and its best time counts. The idea is that of the autotuners of GPU libraries and of
 * ATLAS (Whaley and Dongarra 1998). What was measured is kept in the user's cache folder, so that runs repeat each
 * other and only the first one waits; where nothing can be kept, the first candidate is taken.
 */
export async function fastestWeightGradient(
  layer: ResolvedConv,
  batch: number,
  candidates: readonly WeightGradientLowering[],
  machine: Machine,
): Promise<WeightGradientLowering> {
  if (candidates.length === 1) return candidates[0]!;
  const { env } = await loadRuntime();
  const shapes = convShapes(layer, sampleCount(layer, batch, machine.blockSize));
  const graphs = candidates.map((candidate) => graphOf(candidate, shapes, machine.blockSize));
  const { layer: _, groups, ...sides } = shapes;
  const problem = {
    candidates,
    ...sides,
    ...(groups > 1 && { groups }),
    window: layer.window,
    ...machine,
    processor: cpus()[0]?.model,
    runtime: env.versions.node,
    // Another version of roble may compute a lowering in another way.
    graphs: graphs.map(({ model }) => sha256(model).slice(0, 16)),
  };
  const name = `lowerings/${sha256(JSON.stringify(problem)).slice(0, 32)}`;
  const kept = (await measuredOnce(name, async () => {
    const times = await benchmark(graphs, machine.threads);
    return { problem, times, chosen: candidates[fastestIndex(times)] };
  })) as { chosen?: WeightGradientLowering } | undefined;
  return candidates.find((candidate) => candidate === kept?.chosen) ?? candidates[0]!;
}

/** The index of the fastest, unless it is hardly faster than the first one: then that of the first. */
export function fastestIndex(times: readonly (number | null)[]): number {
  const finite = times.map((time) => time ?? Number.POSITIVE_INFINITY);
  const best = finite.indexOf(Math.min(...finite));
  return finite[best]! <= finite[0]! * CLEARLY_FASTER ? best : 0;
}

/** As many samples as the times need and the memory allows, in whole blocks where the batch is. */
function sampleCount(layer: ResolvedConv, batch: number, blockSize: number): number {
  const bytes = 4 * layer.input.reduce((a, b) => a * b) * layer.window.kernel[0] * layer.window.kernel[1];
  const limit = Math.min(batch, MAX_SAMPLES, Math.floor(MAX_BYTES / bytes));
  const unit = blockSize > 0 && batch % blockSize === 0 ? blockSize : 1;
  return Math.max(unit, limit - (limit % unit));
}

/** A weight gradient as a graph of two inputs, in the layout in which a step has them. */
function graphOf(lowering: WeightGradientLowering, shapes: ConvShapes, blockSize: number): BenchmarkGraph {
  const { batch, inChannels, outChannels, input, output, groups, layer } = shapes;
  const graph = new GraphBuilder();
  const layouts = new Layouts(graph, blockSize);
  const pictures = (name: string, channels: number, sides: readonly number[]) => {
    const value = graph.input(name, 'float32', [batch, channels, ...sides]);
    return layouts.fits(channels) ? layouts.inBlocks(value, channels) : value;
  };
  const x = pictures('x', inChannels, input);
  const gradient = pictures('gradient', outChannels, output);
  const result = convWeightGradient(layouts, lowering, shapes, x, gradient);
  graph.output(result, 'result', 'float32', [outChannels, inChannels / groups, ...layer.window.kernel]);
  return {
    model: graph.encode(),
    inputs: { x: [batch, inChannels, ...input], gradient: [batch, outChannels, ...output] },
  };
}
