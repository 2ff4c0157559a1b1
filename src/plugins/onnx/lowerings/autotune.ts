import { cpus } from 'node:os';
import { measuredOnce, type ResolvedConv, sha256 } from '../../../core/plugin/index.js';
import { GraphBuilder, type Value } from '../../../engine-kit/onnx/graph.js';
import { loadRuntime } from '../../../engine-kit/onnx/runtime.js';
import { type BenchmarkGraph, benchmark } from './benchmark.js';
import {
  type ConvCandidates,
  type ConvLowering,
  convForward,
  convInputGradient,
  convWeightGradient,
} from './convolution.js';
import { type ConvShapes, convShapes } from './windows.js';

/** What the times depend on, besides processor and runtime. */
interface Machine {
  readonly threads: number;
  readonly blockSize: number;
}

type Role = keyof ConvLowering;

/** The function that adds a computation's nodes. */
const LOWER: {
  readonly [R in Role]: (
    graph: GraphBuilder,
    lowering: ConvLowering[R],
    shapes: ConvShapes,
    a: Value,
    b: Value,
    blockSize: number,
  ) => Value;
} = { forward: convForward, inputGradient: convInputGradient, weightGradient: convWeightGradient };

/** Another candidate is chosen only where it takes at most this share of the first one's time: less is noise. */
const CLEARLY_FASTER = 0.95;
/** Most samples in a benchmark. */
const MAX_SAMPLES = 64;
/** Most bytes that the windows of its samples take, written out as im2col does. */
const MAX_BYTES = 256 * 2 ** 20;

/**
 * The fastest candidate for each of a convolution's three computations: each runs in a graph of its own on this machine,
 * in turn with the others, and its best time counts. The idea is that of the autotuners of GPU libraries and of
 * ATLAS (Whaley and Dongarra 1998). What was measured is kept in the user's cache folder, so that runs repeat each
 * other and only the first one waits; where nothing can be kept, the first candidates are taken.
 */
export async function fastestLowerings(
  layer: ResolvedConv,
  batch: number,
  candidates: ConvCandidates,
  machine: Machine,
): Promise<ConvLowering> {
  const shapes = convShapes(layer, sampleCount(layer, batch, machine.blockSize));
  return {
    forward: await fastest('forward', candidates.forward, shapes, machine),
    inputGradient: await fastest('inputGradient', candidates.inputGradient, shapes, machine),
    weightGradient: await fastest('weightGradient', candidates.weightGradient, shapes, machine),
  };
}

async function fastest<R extends Role>(
  role: R,
  candidates: readonly ConvLowering[R][],
  shapes: ConvShapes,
  machine: Machine,
): Promise<ConvLowering[R]> {
  if (candidates.length === 1) return candidates[0]!;
  const { env } = await loadRuntime();
  const graphs = candidates.map((candidate) => graphOf(role, candidate, shapes, machine.blockSize));
  const { layer, ...sides } = shapes;
  const problem = {
    role,
    candidates,
    ...sides,
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
  })) as { chosen?: ConvLowering[R] } | undefined;
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

/** One computation of a convolution as a graph of two inputs. */
function graphOf<R extends Role>(
  role: R,
  lowering: ConvLowering[R],
  shapes: ConvShapes,
  blockSize: number,
): BenchmarkGraph {
  const { batch, inChannels, outChannels, input, output, layer } = shapes;
  const x = [batch, inChannels, ...input];
  const y = [batch, outChannels, ...output];
  const weight = [outChannels, inChannels, ...layer.window.kernel];
  const [first, second, result] = {
    forward: [x, weight, y],
    inputGradient: [y, weight, x],
    weightGradient: [x, y, weight],
  }[role] as [number[], number[], number[]];
  const graph = new GraphBuilder();
  const a = graph.input('a', 'float32', first);
  const b = graph.input('b', 'float32', second);
  graph.output(LOWER[role](graph, lowering, shapes, a, b, blockSize), 'result', 'float32', result);
  return { model: graph.encode(), inputs: { a: first, b: second } };
}
