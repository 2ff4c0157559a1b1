/**
 * Images per second of training steps of `cnn-v2` on the GPU, with WebGPU and CUDA, beside PyTorch's eager and compiled
 * step on the same GPU, and the seconds that an epoch of 62,000 images takes at that pace. What does not run here says
 * why. `benchmarks/gpu.sh` runs it, and a whole training on the GPU and on the CPU.
 *
 *   npm run bench -- benchmarks/gpu.ts [--device webgpu,cuda] [--batch 64,512,4096] [--steps 20] [--rounds 5] [--torch cuda] [--rivals FOLDER]
 */
import { parseArgs } from 'node:util';
import { RobleError } from '../src/core/base/errors.js';
import { plugin } from '../src/plugins/onnx/training-engine.js';
import { openSession, trainingSteps } from './cnn-v2.js';
import { timeMs } from './contest.js';
import { median } from './results.js';
import { openRivals, startRounds } from './rivals.js';

const { values } = parseArgs({
  options: {
    device: { type: 'string', default: 'webgpu,cuda' },
    batch: { type: 'string', default: '64,512,4096' },
    steps: { type: 'string', default: '20' },
    rounds: { type: 'string', default: '5' },
    torch: { type: 'string', default: 'cuda' },
    rivals: { type: 'string' },
  },
});
const [steps, rounds] = [Number(values.steps), Number(values.rounds)];
const EPOCH = 62_000;

interface Contender {
  /** Milliseconds of a step, over one round. */
  round(): Promise<number>;
  close(): unknown;
}

for (const { id, description } of await plugin.devices()) console.log(`found: ${id} (${description})`);
for (const batchSize of values.batch.split(',').map(Number)) {
  for (const device of values.device.split(','))
    await measure(`roble on ${device}`, batchSize, () => ours(device, batchSize));
  for (const mode of ['eager', 'compile'])
    await measure(`PyTorch ${mode} on ${values.torch}`, batchSize, () => torchs(mode, batchSize));
}

/** Prints a contender's median, or why it does not run: the others may. */
async function measure(name: string, batchSize: number, open: () => Promise<Contender>): Promise<void> {
  const say = (words: string) => console.log(`batch ${batchSize}, ${name}: ${words}`);
  let contender: Contender | undefined;
  try {
    contender = await open();
    // The first round compiles and warms up.
    await contender.round();
    const times: number[] = [];
    for (let i = 0; i < rounds; i++) times.push(await contender.round());
    const rate = (batchSize / median(times)) * 1000;
    say(`${rate.toFixed(0)} images/s, ${(EPOCH / rate).toFixed(1)} s an epoch of ${EPOCH} images`);
  } catch (error) {
    const { code, message } = RobleError.from(error);
    say(`${code === 'ROBLE_INTERNAL' ? '' : `${code}: `}${message.split('\n')[0]}`);
  }
  await contender?.close();
}

async function ours(device: string, batchSize: number): Promise<Contender> {
  const session = await openSession(plugin, { device, batchSize, threads: 0 });
  const step = trainingSteps(session, batchSize);
  return {
    round: () => perStep(step),
    close: () => session.close(),
  };
}

async function torchs(mode: string, batchSize: number): Promise<Contender> {
  const rivals = await openRivals(values.rivals);
  if (!rivals) throw new Error('no "--rivals FOLDER" was given.');
  const python = await startRounds(rivals, 'train_step.py', [
    batchSize,
    1,
    steps,
    values.torch,
    mode,
    'nhwc',
  ]);
  return {
    round: async () => {
      const ms = await python.round();
      if (!(ms > 0)) throw new Error('PyTorch gave no time.');
      return ms;
    },
    close: python.stop,
  };
}

/** The mean: a GPU works on while the call returns, and only the sum is right. */
async function perStep(step: () => Promise<unknown>): Promise<number> {
  const ms = await timeMs(async () => {
    for (let i = 0; i < steps; i++) await step();
  });
  return ms / steps;
}
