/**
 * Images per second of prediction by an exported `cnn-v2`, through the serving backend, and the same network in PyTorch
 * (frozen, batch norms folded) where Debian's python3-torch is installed: interleaved, with equal threads.
 *
 *   npm run bench:infer -- [--batch 1,64] [--threads 1,2] [--rounds 5]
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { plugin as backend } from '../src/plugins/onnx/serving-backend.js';
import { plugin as engine } from '../src/plugins/onnx/training-engine.js';
import { model, openSession, randomImages } from './cnn-v2.js';
import { contest, medianMs, startPython } from './rounds.js';

const { values } = parseArgs({
  options: {
    batch: { type: 'string', default: '1,64' },
    threads: { type: 'string', default: '1,2' },
    rounds: { type: 'string', default: '5' },
  },
});
/** Images of a round. */
const IMAGES = 512;

const folder = await mkdtemp(join(tmpdir(), 'roble-bench-'));
const session = await openSession(engine, { device: 'cpu', batchSize: 16, threads: 1 });
await writeFile(join(folder, 'model.onnx'), await session.exportOnnx({}));
await session.close();
const classes = Array.from({ length: model.classes }, (_, i) => `${i}`);

for (const threads of values.threads.split(',').map(Number))
  for (const batch of values.batch.split(',').map(Number)) {
    const steps = Math.ceil(IMAGES / batch);
    const python = await startPython('inference.py', [String(batch), String(threads), String(steps)]);
    const predictor = await backend.load(
      { folder, input: model.input, classes },
      { device: 'cpu', threads, options: {} },
    );
    const images = randomImages(batch);
    await contest({
      label: `predicting by cnn-v2, batch ${batch}, threads ${threads}`,
      rounds: Number(values.rounds),
      own: () => medianMs(steps, () => predictor.predict(images, batch)),
      python,
      other: ['PyTorch', 'python3-torch'],
      rate: (ms) => `${((batch / ms) * 1000).toFixed(0)} images/s`,
    });
    python?.stop();
    await predictor.close();
  }
await rm(folder, { recursive: true });
