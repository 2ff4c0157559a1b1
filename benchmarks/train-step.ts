/**
 * Images per second of one training step of `cnn-v2` (forward, backward, clip, AdamW), and the same step in PyTorch
 * where Debian's python3-torch is installed: interleaved, with equal threads, so that the ratio means something on a
 * noisy machine.
 *
 *   npm run bench:train -- [--batch 64] [--rounds 5] [--threads 2]
 */
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { dropoutMaskSpecs, fillDropoutMask } from '../src/core/model/dropout.js';
import { initialParameters } from '../src/core/model/initialize.js';
import { resolveNetwork } from '../src/core/model/network.js';
import { layersOf } from '../src/core/model/presets.js';
import { Random } from '../src/core/random/index.js';
import { plugin } from '../src/plugins/onnx/training-engine.js';
import { median, startPython } from './rounds.js';

const { values } = parseArgs({
  options: {
    batch: { type: 'string', default: '64' },
    rounds: { type: 'string', default: '5' },
    threads: { type: 'string', default: String(availableParallelism()) },
  },
});
const batchSize = Number(values.batch);
const threads = Number(values.threads);
const STEPS = 8;
const CLASSES = 94;

const torch = await startPython('train_step.py', [String(batchSize), String(threads), String(STEPS)]);
const step = await prepareRoble();
const [ours, theirs]: [number[], number[]] = [[], []];
for (let round = 0; round <= Number(values.rounds); round++) {
  const own = await medianMs(step);
  const other = await torch?.round();
  // The first round warms up.
  if (round === 0) continue;
  ours.push(own);
  if (other !== undefined) theirs.push(other);
  console.log(
    `round ${round}: roble ${rate(own)}${other === undefined ? '' : `, PyTorch ${rate(other)}, ratio ${(other / own).toFixed(2)}`}`,
  );
}
torch?.stop();
console.log(`cnn-v2, batch ${batchSize}, ${threads} threads: roble ${rate(median(ours))}`);
if (theirs.length > 0) {
  const ratios = ours.map((own, i) => theirs[i]! / own);
  console.log(
    `PyTorch ${rate(median(theirs))}; ratio roble / PyTorch: ${median(ratios).toFixed(2)} (median of ${ratios.length} rounds)`,
  );
} else console.log('PyTorch is not installed (Debian: python3-torch): no ratio.');

function rate(ms: number): string {
  return `${((batchSize / ms) * 1000).toFixed(0)} images/s`;
}

async function medianMs(work: () => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < STEPS; i++) {
    const start = performance.now();
    await work();
    times.push(performance.now() - start);
  }
  return median(times);
}

async function prepareRoble(): Promise<() => Promise<unknown>> {
  const model = {
    input: { height: 28, width: 28, channels: 1 },
    classes: CLASSES,
    layers: layersOf({ preset: 'cnn-v2' }),
  };
  const session = await plugin.open(model, {
    device: 'cpu',
    batchSize,
    threads,
    optimizer: { type: 'adamw', beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01 },
    clipNorm: 1,
  });
  const network = resolveNetwork(model);
  await session.importState({
    step: 0,
    parameters: initialParameters(network, 0),
    optimizer: {},
    plan: null,
  });
  const random = new Random(0, 'shuffle');
  const images = new Uint8Array(batchSize * 784).map(() => random.integer(256));
  const targets = new Float32Array(batchSize * CLASSES);
  for (let i = 0; i < batchSize; i++) targets[i * CLASSES + random.integer(CLASSES)] = 1;
  const specs = dropoutMaskSpecs(network);
  const masks = Object.fromEntries(specs.map((spec) => [spec.name, new Uint8Array(batchSize * spec.size)]));
  let count = 0;
  return () => {
    // The masks are part of the step, as dropout is in PyTorch.
    for (const spec of specs) fillDropoutMask(masks[spec.name]!, spec, 0, count);
    count++;
    return session.step({ step: count, count: batchSize, images, targets, masks }, { learningRate: 0.001 });
  };
}
