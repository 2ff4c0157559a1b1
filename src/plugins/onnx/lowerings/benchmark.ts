import type { InferenceSession, Tensor } from 'onnxruntime-node';
import { createSession, loadRuntime } from '../../../engine-kit/onnx/runtime.js';

/** A graph that computes `result`, and the shapes of its float32 inputs. */
export interface BenchmarkGraph {
  readonly model: Uint8Array;
  readonly inputs: Readonly<Record<string, readonly number[]>>;
}

interface Runner {
  readonly session: InferenceSession;
  best: number;
}

/** Runs of each graph. */
const MIN_ROUNDS = 3;
const MAX_ROUNDS = 12;
/** No round after the first {@link MIN_ROUNDS} begins later than this. */
const MAX_MILLISECONDS = 250;
/** Largest difference of two results, relative to the largest value: they sum in different orders. */
const TOLERANCE = 1e-3;

/**
 * The best time of each of several graphs for the same thing, in milliseconds, taken in turns so that a disturbance
 * meets all of them. Null for one that cannot run on this machine, or gives another result than the first that can.
 */
export async function benchmark(
  graphs: readonly BenchmarkGraph[],
  threads: number,
): Promise<(number | null)[]> {
  const feeds: Record<string, Tensor> = {};
  for (const [i, [name, shape]] of Object.entries(graphs[0]!.inputs).entries())
    feeds[name] = await trialTensor(shape, 0.7 - 0.4 * i);
  const runners = await start(graphs, threads, feeds);
  try {
    await runInTurns(
      runners.filter((runner) => runner !== undefined),
      feeds,
    );
    return runners.map((runner) => runner?.best ?? null);
  } finally {
    for (const runner of runners) await runner?.session.release();
  }
}

/** A session of each, after a first run that counts for nothing but its result. */
async function start(
  graphs: readonly BenchmarkGraph[],
  threads: number,
  feeds: Record<string, Tensor>,
): Promise<(Runner | undefined)[]> {
  const runners: (Runner | undefined)[] = [];
  let expected: Float32Array | undefined;
  for (const { model } of graphs) {
    const session = await createSession(model, { threads }).catch(() => undefined);
    const outputs = await session?.run(feeds).catch(() => undefined);
    const result = outputs?.result?.data as Float32Array | undefined;
    expected ??= result;
    const isRight = session && result && expected && agree(result, expected);
    if (!isRight) await session?.release();
    runners.push(isRight ? { session, best: Number.POSITIVE_INFINITY } : undefined);
  }
  return runners;
}

async function runInTurns(runners: readonly Runner[], feeds: Record<string, Tensor>): Promise<void> {
  const started = performance.now();
  for (let round = 0; round < MAX_ROUNDS; round++) {
    if (round >= MIN_ROUNDS && performance.now() - started > MAX_MILLISECONDS) return;
    for (const runner of runners) {
      const start = performance.now();
      await runner.session.run(feeds);
      runner.best = Math.min(runner.best, performance.now() - start);
    }
  }
}

function agree(actual: Float32Array, expected: Float32Array): boolean {
  const scale = expected.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
  return actual.every((value, i) => Math.abs(value - expected[i]!) <= TOLERANCE * scale);
}

/** Values of a trial tensor until they repeat: a prime number, so that no side of a picture falls in step with it. */
const TRIAL_PERIOD = 65_521;

/** A float32 tensor for a trial run, of sines at a pace: in -1..1 and without zeros. */
export async function trialTensor(shape: readonly number[], pace: number): Promise<Tensor> {
  const { Tensor } = await loadRuntime();
  const values = new Float32Array(shape.reduce((a, b) => a * b));
  const period = Math.min(values.length, TRIAL_PERIOD);
  for (let i = 0; i < period; i++) values[i] = Math.sin(i * pace + 0.1);
  for (let i = period; i < values.length; i += period)
    values.copyWithin(i, 0, Math.min(period, values.length - i));
  return new Tensor('float32', values, shape);
}
