/**
 * Where the time of a training step of `cnn-v2` goes, by operator, and how far it is from the time that its
 * multiply-adds alone would take: the arithmetic floor, at the rate of a large matrix product in the same run.
 *
 *   npm run bench:profile -- [--batch 64] [--threads 2] [--steps 30] [--preset cnn-v2]
 */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { layersOf } from '../src/core/learning/presets.js';
import { resolveNetwork } from '../src/core/model/network.js';
import { summarizeModel } from '../src/core/model/summary.js';
import { GraphBuilder } from '../src/engine-kit/onnx/graph.js';
import { choosePlan } from '../src/plugins/onnx/lowerings/execution-plan.js';
import { buildStepGraph } from '../src/plugins/onnx/step-graph.js';
import { timeMs } from './contest.js';
import { median } from './results.js';

const { values } = parseArgs({
  options: {
    batch: { type: 'string', default: '64' },
    steps: { type: 'string', default: '30' },
    threads: { type: 'string', default: String(availableParallelism()) },
    preset: { type: 'string', default: 'cnn-v2' },
  },
});
const [batch, steps, threads] = [Number(values.batch), Number(values.steps), Number(values.threads)];
const SIDE = 1024;

const model = {
  input: { height: 28, width: 28, channels: 1 },
  classes: 94,
  layers: layersOf({ preset: values.preset }),
};
const network = resolveNetwork(model);
const plan = await choosePlan(network, batch, threads);
console.log(`${values.preset}, batch ${batch}, ${threads} threads; the lowerings that were chosen:`);
console.table(plan.convolutions);

const rate = await peakRate();
const floorMs = (stepMultiplyAdds() * batch) / rate;
const { stepMs, operators } = await profile();
const rows = [...operators].sort(([, a], [, b]) => b - a);
const total = rows.reduce((sum, [, ms]) => sum + ms, 0);
for (const [name, ms] of rows.filter(([, time]) => time >= total / 200))
  console.log(
    `${name.padEnd(20)} ${ms.toFixed(2).padStart(8)} ms ${((100 * ms) / total).toFixed(1).padStart(5)} %`,
  );
const share = ((100 * floorMs) / stepMs).toFixed(0);
console.log(
  `step ${stepMs.toFixed(1)} ms (median of ${steps}, with the profiler on), all operators ${total.toFixed(1)} ms; ` +
    `floor ${floorMs.toFixed(1)} ms (${(stepMultiplyAdds() / 1e6).toFixed(1)} M multiply-adds an image at ` +
    `${(rate / 1e6).toFixed(0)} G a second): ${share} % of the step`,
);

/** For one image: forward, and as many each for the gradients of weights and inputs; the first layer has no latter. */
function stepMultiplyAdds(): number {
  const { layers, multiplyAdds } = summarizeModel(model);
  return 3 * multiplyAdds - layers.find((layer) => layer.multiplyAdds > 0)!.multiplyAdds;
}

/** Multiply-adds in a millisecond of the runtime's product of two large matrices, at its best. */
async function peakRate(): Promise<number> {
  const graph = new GraphBuilder();
  const [a, b] = ['a', 'b'].map((name) => graph.input(name, 'float32', [SIDE, SIDE])) as [string, string];
  // A sum, because a result of four million bytes would be copied.
  graph.output(graph.reduceSum(graph.op('MatMul', [a, b]), [0, 1]), 'sum', 'float32', []);
  const session = await InferenceSession.create(graph.encode(), { intraOpNumThreads: threads });
  const feeds = filled(session);
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 20; i++) best = Math.min(best, await timeMs(() => session.run(feeds)));
  await session.release();
  return SIDE ** 3 / best;
}

/** Milliseconds of a step, and of each kind of operator in it. */
async function profile(): Promise<{ stepMs: number; operators: Map<string, number> }> {
  const graph = buildStepGraph({
    network,
    batch,
    plan,
    optimizer: { type: 'adamw', beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01 },
    clipNorm: 1,
    ema: false,
    isFrozen: () => false,
  });
  const folder = await mkdtemp(join(tmpdir(), 'roble-profile-'));
  try {
    const session = await InferenceSession.create(graph, {
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      graphOptimizationLevel: 'all',
      enableProfiling: true,
      profileFilePrefix: join(folder, 'step'),
    });
    const feeds = filled(session);
    const times: number[] = [];
    for (let i = 0; i < steps; i++) times.push(await timeMs(() => session.run(feeds)));
    session.endProfiling();
    await session.release();
    const [file] = await readdir(folder);
    return { stepMs: median(times), operators: await byOperator(join(folder, file!)) };
  } finally {
    await rm(folder, { recursive: true });
  }
}

interface ProfileEvent {
  readonly cat: string;
  readonly name: string;
  /** Microseconds. */
  readonly dur: number;
  readonly args?: { readonly op_name?: string };
}

/** Of each kind of operator, the sum over its nodes of the median over the steps, so that a hiccup does not count. */
async function byOperator(file: string): Promise<Map<string, number>> {
  const events = JSON.parse(await readFile(file, 'utf8')) as ProfileEvent[];
  const nodes = new Map<string, { operator: string; times: number[] }>();
  for (const { cat, name, dur, args } of events) {
    if (cat !== 'Node' || !name.endsWith('_kernel_time')) continue;
    const node = nodes.get(name) ?? { operator: args?.op_name ?? '', times: [] };
    node.times.push(dur);
    nodes.set(name, node);
  }
  const sums = new Map<string, number>();
  for (const { operator, times } of nodes.values())
    sums.set(operator, (sums.get(operator) ?? 0) + median(times) / 1000);
  return sums;
}

/** Small numbers of the right shape for every input. */
function filled(session: InferenceSession): Record<string, Tensor> {
  const feeds: Record<string, Tensor> = {};
  for (const input of session.inputMetadata) {
    if (!input.isTensor) continue;
    const shape = input.shape as number[];
    const size = shape.reduce((a, b) => a * b, 1);
    feeds[input.name] =
      input.type === 'uint8'
        ? new Tensor('uint8', new Uint8Array(size).fill(1), shape)
        : new Tensor('float32', new Float32Array(size).fill(0.01), shape);
  }
  return feeds;
}
