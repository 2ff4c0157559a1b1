/**
 * What robustness costs: images per second of `train` (a process of its own, checks at every step, a checkpoint every 100
 * steps, reports) as a ratio to a bare loop over the same engine and the same batches. Interleaved, so that the ratio
 * means something on a noisy machine.
 *
 *   npm run bench:robustness -- [--batch 64] [--steps 200] [--rounds 3] [--preset cnn-v2]
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { openDataset } from '../src/core/data/dataset/open.js';
import { synthesizeDataset } from '../src/core/data/dataset/synthesize.js';
import { preprocessingSchema } from '../src/core/image/settings.js';
import { layersOf } from '../src/core/learning/presets.js';
import { trainSchema } from '../src/core/learning/settings.js';
import { batchRecipe } from '../src/core/learning/training/batches/batch.js';
import { BatchSource } from '../src/core/learning/training/batches/batch-source.js';
import { resolveNetwork } from '../src/core/model/network.js';
import { initialParameters } from '../src/core/model/random-tensors.js';
import { trainModel } from '../src/index.js';
import { builtinPlugins } from '../src/plugins/index.js';
import { plugin } from '../src/plugins/onnx/training-engine.js';
import { median } from './results.js';

const { values } = parseArgs({
  options: {
    batch: { type: 'string', default: '64' },
    steps: { type: 'string', default: '200' },
    rounds: { type: 'string', default: '3' },
    preset: { type: 'string', default: 'cnn-v2' },
  },
});
const [batchSize, steps] = [Number(values.batch), Number(values.steps)];
const model = { preset: values.preset };
/** Steps before the clock runs. */
const WARM_UP = 10;

const folder = await mkdtemp(join(tmpdir(), 'roble-bench-'));
const dataset = join(folder, 'dataset');
const classes = 10;
await synthesizeDataset({
  characters: [...'0123456789'],
  perClass: Math.ceil(((steps + WARM_UP) * batchSize * 1.3) / classes),
  out: dataset,
  preprocessing: preprocessingSchema.parse({ width: 28, height: 28 }),
});
const train = trainSchema.parse({
  epochs: 1,
  batchSize,
  threads: availableParallelism(),
  maxStepsPerEpoch: steps + WARM_UP,
  checkpointEverySteps: 100,
});

const ratios: number[] = [];
const stalls: number[] = [];
for (let round = 1; round <= Number(values.rounds); round++) {
  const bare = await bareLoop();
  const whole = await wholeTraining(round);
  ratios.push(whole / bare);
  console.log(
    `round ${round}: bare loop ${bare.toFixed(0)} images/s, train ${whole.toFixed(0)}, ratio ${(whole / bare).toFixed(3)}`,
  );
}
console.log(
  `${values.preset}, batch ${batchSize}: ratio train / bare loop ${median(ratios).toFixed(3)} (median)`,
);
console.log(
  `a checkpoint held training up for ${median(stalls).toFixed(1)} ms (median), ${Math.max(...stalls).toFixed(1)} ms (longest)`,
);
await rm(folder, { recursive: true });

async function bareLoop(): Promise<number> {
  const { manifest, load } = await openDataset(dataset);
  const { width, height, channels } = manifest.preprocessing;
  const spec = { input: { width, height, channels }, classes, layers: layersOf(model) };
  const network = resolveNetwork(spec);
  const session = await plugin.open(spec, { ...train, batchSize });
  await session.importState({
    step: 0,
    parameters: initialParameters(network, 0),
    optimizer: {},
    plan: null,
  });
  const training = await load('train');
  const recipe = batchRecipe({ training, manifest, network, train, plugins: builtinPlugins });
  const batches = await BatchSource.open(recipe, 0, 1);
  let started = 0;
  for (let step = 0; step < WARM_UP + steps; step++) {
    if (step === WARM_UP) started = performance.now();
    await session.step(await batches.next(), { learningRate: 0.001 });
  }
  const seconds = (performance.now() - started) / 1000;
  await batches.close();
  await session.close();
  return (steps * batchSize) / seconds;
}

/** By the clock, from the report of one step to that of another, with all that happens in between. */
async function wholeTraining(round: number): Promise<number> {
  const reports: { step: number; time: number }[] = [];
  await trainModel(
    { dataset, model, train, run: join(folder, `run-${round}`) },
    {
      reporter: {
        report(event) {
          if (event.type !== 'train') return;
          if (event.event.kind === 'step') reports.push({ step: event.event.step, time: performance.now() });
          if (event.event.kind === 'checkpoint' && event.event.step > 0) stalls.push(event.event.stallMs);
        },
      },
    },
  );
  const first = reports.find(({ step }) => step >= WARM_UP)!;
  const last = reports.at(-1)!;
  return ((last.step - first.step) * batchSize * 1000) / (last.time - first.time);
}
