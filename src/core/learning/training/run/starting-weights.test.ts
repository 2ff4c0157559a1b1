import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type LayerInput, modelOf } from '../../../../../test/support/engine.js';
import { temporaryFolder } from '../../../../../test/support/temporary-folder.js';
import { preprocessingSchema } from '../../../image/settings.js';
import { layersOfBundle, writeBundle } from '../../../model/bundle.js';
import { resolveNetwork } from '../../../model/network.js';
import { initialParameters } from '../../../model/random-tensors.js';
import { startingWeights } from './starting-weights.js';

const OLD_CLASSES = ['a', 'b', 'c'];
const layersOf = (filters: number): LayerInput[] => [
  { type: 'conv', filters, kernel: 3 },
  { type: 'batchNorm' },
  { type: 'conv', filters: 4, kernel: 1 },
  { type: 'globalAveragePool' },
  { type: 'dense', units: 'classes' },
];
const networkOf = (classes: number, layers = layersOf(2)) =>
  resolveNetwork(modelOf({ height: 6, width: 6, channels: 1 }, classes, layers));

let root: string;
let bundle: string;
let remove: () => Promise<void>;
/** Another seed than that of the tests, so that no weight of the bundle is a fresh one by chance. */
const trained = initialParameters(networkOf(3), 99);
// Zeros and ones would be equal in both.
trained['batchNorm1.mean']!.data.fill(0.25);
trained['dense1.bias']!.data.set([1, 2, 3]);

beforeAll(async () => {
  ({ path: root, remove } = await temporaryFolder('starting'));
  bundle = join(root, 'model');
  await writeBundle(bundle, {
    manifest: {
      name: 'old',
      classes: OLD_CLASSES,
      preprocessing: preprocessingSchema.parse({ width: 6, height: 6 }),
      architecture: modelOf({ height: 6, width: 6, channels: 1 }, 3, layersOf(2)).layers.map((layer) => ({
        ...layer,
      })),
      training: { epoch: 1, step: 1, metrics: {}, dataFingerprint: '0'.repeat(64), engine: 'onnx' },
    },
    onnx: new Uint8Array(1),
    weights: trained,
    golden: { count: 1, images: new Uint8Array(36), probabilities: new Float32Array(3) },
  });
});
afterAll(() => remove());

const ALL = ['conv1', 'batchNorm1', 'conv2', 'dense1'];
const start = (classes: readonly string[], layers = layersOf(2), from: string | undefined = bundle) =>
  startingWeights(networkOf(classes.length, layers), classes, 7, from);

describe('startingWeights', () => {
  it('are random ones without a bundle', async () => {
    const { parameters, ...lists } = await startingWeights(networkOf(3), OLD_CLASSES, 7, undefined);
    expect(parameters).toEqual(initialParameters(networkOf(3), 7));
    expect(lists).toEqual({ copied: [], fresh: ALL, partly: [] });
  });

  it('are all those of a bundle of the same network and classes, running statistics too', async () => {
    const { parameters, ...lists } = await start(OLD_CLASSES);
    expect(parameters).toEqual(trained);
    expect(lists).toEqual({ copied: ALL, fresh: [], partly: [] });
  });

  it('give each class of the last layer what the bundle knows of it, by its label', async () => {
    const classes = ['c', 'new', 'a', 'other'];
    const { parameters, ...lists } = await start(classes);
    expect(lists).toEqual({ copied: ALL.slice(0, 3), fresh: [], partly: ['dense1'] });
    const fresh = initialParameters(networkOf(4), 7);
    for (const [c, label] of classes.entries()) {
      const old = OLD_CLASSES.indexOf(label);
      const [from, column, width] = old === -1 ? [fresh, c, 4] : [trained, old, 3];
      expect(parameters['dense1.bias']!.data[c]).toBe(from['dense1.bias']!.data[column]);
      for (let row = 0; row < 4; row++)
        expect(parameters['dense1.weight']!.data[row * 4 + c]).toBe(
          from['dense1.weight']!.data[row * width + column],
        );
    }
  });

  it('follow the labels when the same classes come in another order', async () => {
    const { parameters, copied } = await start(['b', 'c', 'a']);
    expect(copied).toEqual(ALL);
    expect([...parameters['dense1.bias']!.data]).toEqual([2, 3, 1]);
  });

  it('start the last layer anew when it knows none of the classes, or another width reaches it', async () => {
    expect(await start(['x', 'y', 'z'])).toMatchObject({ copied: ALL.slice(0, 3), fresh: ['dense1'] });
    const flat = [
      ...layersOf(2).slice(0, 3),
      { type: 'flatten' },
      { type: 'dense', units: 'classes' },
    ] as const;
    expect(await start(['a', 'b'], [...flat])).toMatchObject({ copied: ALL.slice(0, 3), fresh: ['dense1'] });
  });

  it('start any other layer of another shape or name anew, as a whole', async () => {
    const { parameters, ...lists } = await start(OLD_CLASSES, layersOf(3));
    expect(lists).toEqual({ copied: ['dense1'], fresh: ['conv1', 'batchNorm1', 'conv2'], partly: [] });
    const fresh = initialParameters(networkOf(3, layersOf(3)), 7);
    // The bias of conv2 has the same shape in both; its weights have not.
    for (const name of ['conv1.weight', 'batchNorm1.mean', 'conv2.weight', 'conv2.bias'])
      expect(parameters[name]).toEqual(fresh[name]);
  });

  it('are an error when nothing fits', async () => {
    const layers = [{ type: 'flatten' }, { type: 'dense', name: 'own', units: 'classes' }] as const;
    await expect(start(OLD_CLASSES, [...layers])).rejects.toMatchObject({
      code: 'ROBLE_MODEL_INVALID',
      details: { received: expect.stringContaining('conv1.weight [2, 1, 3, 3]') },
    });
  });
});

describe('layersOfBundle', () => {
  it('gives the architecture that was trained', async () => {
    const layers = await layersOfBundle(bundle);
    expect(resolveNetwork({ input: { height: 6, width: 6, channels: 1 }, classes: 3, layers })).toEqual(
      networkOf(3),
    );
  });
});
