/**
 * Images per second of one training step of `cnn-v2` (forward, backward, clip, AdamW, dropout masks), beside the same step
 * in PyTorch, eager and compiled, in both layouts.
 *
 *   npm run bench:train -- [--batch 16,64,256] [--threads 2] [--rivals FOLDER] [--rounds 5] [--json FILE]
 */
import { availableParallelism } from 'node:os';
import { plugin } from '../src/plugins/onnx/training-engine.js';
import { openSession, trainingSteps } from './cnn-v2.js';
import { benchmark, type Contestant, contest, medianMs } from './contest.js';
import { startRounds } from './rivals.js';

/** Images of a round. */
const IMAGES = 1024;
const FORMS = ['eager', 'compile'].flatMap((mode) => ['nchw', 'nhwc'].map((layout) => ({ mode, layout })));

await benchmark(
  { batch: '16,64,256', threads: `${availableParallelism()}` },
  async function* (words, { rivals, rounds }) {
    const threads = Number(words.threads);
    for (const batchSize of words.batch.split(',').map(Number)) {
      const steps = Math.ceil(IMAGES / batchSize);
      const others: Contestant[] = [];
      for (const { mode, layout } of rivals ? FORMS : []) {
        const python = await startRounds(rivals!, 'train_step.py', [
          batchSize,
          threads,
          steps,
          'cpu',
          mode,
          layout,
        ]);
        others.push({
          name: `PyTorch, ${mode}, ${layout.toUpperCase()}`,
          rate: async () => (1000 * batchSize) / (await python.round()),
          close: python.stop,
        });
      }
      const session = await openSession(plugin, { device: 'cpu', batchSize, threads });
      const step = trainingSteps(session, batchSize);
      const own = {
        name: 'roble',
        rate: async () => (1000 * batchSize) / (await medianMs(steps, step)),
        close: () => session.close(),
      };
      yield await contest({
        task: 'training step of cnn-v2',
        input: `batch ${batchSize}, ${threads} threads`,
        unit: 'images/s',
        rounds,
        own: [own],
        rivals: others,
      });
    }
  },
);
