/**
 * Images per second of one training step of `cnn-v2` (forward, backward, clip, AdamW), and the same step in PyTorch
 * where Debian's python3-torch is installed: interleaved, with equal threads, so that the ratio means something on a
 * noisy machine.
 *
 *   npm run bench:train -- [--batch 16,64,256] [--rounds 5] [--threads 2]
 */
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { plugin } from '../src/plugins/onnx/training-engine.js';
import { openSession, trainingSteps } from './cnn-v2.js';
import { contest, medianMs, startPython } from './rounds.js';

const { values } = parseArgs({
  options: {
    batch: { type: 'string', default: '16,64,256' },
    rounds: { type: 'string', default: '5' },
    threads: { type: 'string', default: String(availableParallelism()) },
  },
});
const threads = Number(values.threads);
/** Images of a round. */
const IMAGES = 1024;

for (const batchSize of values.batch.split(',').map(Number)) {
  const steps = Math.ceil(IMAGES / batchSize);
  const python = await startPython('train_step.py', [String(batchSize), String(threads), String(steps)]);
  const session = await openSession(plugin, { device: 'cpu', batchSize, threads });
  const step = trainingSteps(session, batchSize);
  await contest({
    label: `training cnn-v2, batch ${batchSize}, threads ${threads}`,
    rounds: Number(values.rounds),
    own: () => medianMs(steps, step),
    python,
    other: ['PyTorch', 'python3-torch'],
    rate: (ms) => `${((batchSize / ms) * 1000).toFixed(0)} images/s`,
  });
  python?.stop();
  await session.close();
}
