/** A bundle of `cnn-v2` with fresh weights, to be served: what a benchmark of serving needs, without a training. */

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { preprocessingSchema } from '../src/core/image/settings.js';
import { writeBundle } from '../src/core/model/bundle.js';
import { plugin as backend } from '../src/plugins/onnx/serving-backend.js';
import { plugin as engine } from '../src/plugins/onnx/training-engine.js';
import { model, openSession, randomImages } from './cnn-v2.js';

/** Gives the folder. Another step makes another bundle of the same name. */
export async function writeServedBundle(folder: string, step = 1): Promise<string> {
  const session = await openSession(engine, { device: 'cpu', batchSize: 16, threads: 1 });
  const onnx = await session.exportOnnx({});
  await session.close();
  const classes = Array.from({ length: model.classes }, (_, i) => `${i}`);
  const images = randomImages(4);
  await writeBundle(folder, {
    manifest: {
      name: 'cnn-v2',
      classes,
      preprocessing: preprocessingSchema.parse({ width: 28, height: 28 }),
      architecture: model.layers.map((layer) => ({ ...layer })),
      training: { epoch: 1, step, metrics: {}, dataFingerprint: '0'.repeat(64), engine: 'onnx' },
    },
    onnx,
    weights: {},
    golden: { count: 4, images, probabilities: await answers(onnx, classes, images) },
  });
  return folder;
}

async function answers(
  onnx: Uint8Array,
  classes: readonly string[],
  images: Uint8Array,
): Promise<Float32Array> {
  const folder = await mkdtemp(join(tmpdir(), 'roble-bench-'));
  try {
    await writeFile(join(folder, 'model.onnx'), onnx);
    const predictor = await backend.load(
      { folder, input: model.input, classes },
      { device: 'cpu', threads: 1, options: {} },
    );
    const probabilities = await predictor.predict(images, images.length / 784);
    await predictor.close();
    return Float32Array.from(probabilities);
  } finally {
    await rm(folder, { recursive: true });
  }
}
