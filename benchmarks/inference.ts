/**
 * Images per second of prediction by an exported `cnn-v2`, through the serving backend, beside ONNX Runtime from Python,
 * OpenVINO and PyTorch (traced and compiled, frozen).
 *
 *   npm run bench:infer -- [--batch 1,64] [--threads 1,2] [--rivals FOLDER] [--rounds 5] [--json FILE]
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { plugin as backend } from '../src/plugins/onnx/serving-backend.js';
import { plugin as engine } from '../src/plugins/onnx/training-engine.js';
import { model, openSession, randomImages } from './cnn-v2.js';
import { benchmark, type Contestant, contest, medianMs } from './contest.js';
import { startRounds } from './rivals.js';

/** Images of a round. */
const IMAGES = 512;
const RIVALS = {
  onnxruntime: 'ONNX Runtime from Python',
  openvino: 'OpenVINO',
  torchscript: 'PyTorch, TorchScript',
  compile: 'PyTorch, compiled',
};

await benchmark({ batch: '1,64', threads: '1,2' }, async function* (words, { rivals, rounds }) {
  const folder = await mkdtemp(join(tmpdir(), 'roble-bench-'));
  const file = join(folder, 'model.onnx');
  const session = await openSession(engine, { device: 'cpu', batchSize: 16, threads: 1 });
  await writeFile(file, await session.exportOnnx({}));
  await session.close();
  const classes = Array.from({ length: model.classes }, (_, i) => `${i}`);
  for (const threads of words.threads.split(',').map(Number))
    for (const batch of words.batch.split(',').map(Number)) {
      const steps = Math.ceil(IMAGES / batch);
      const others: Contestant[] = [];
      for (const [kind, name] of rivals ? Object.entries(RIVALS) : []) {
        const python = await startRounds(rivals!, 'inference.py', [kind, batch, threads, steps, file]);
        others.push({
          name,
          rate: async () => (1000 * batch) / (await python.round()),
          close: python.stop,
        });
      }
      const predictor = await backend.load(
        { folder, input: model.input, classes },
        { device: 'cpu', threads, options: {} },
      );
      const images = randomImages(batch);
      const own = {
        name: 'roble',
        rate: async () => (1000 * batch) / (await medianMs(steps, () => predictor.predict(images, batch))),
        close: () => predictor.close(),
      };
      yield await contest({
        task: 'prediction by cnn-v2',
        input: `batch ${batch}, ${threads} ${threads === 1 ? 'thread' : 'threads'}`,
        unit: 'images/s',
        rounds,
        own: [own],
        rivals: others,
      });
    }
  await rm(folder, { recursive: true });
});
