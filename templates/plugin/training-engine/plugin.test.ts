import { test } from 'node:test';
import { assertPackage, assertTrainingEngine } from 'roble/testing';
import { plugin } from './<%= it.name %>.js';

test('the package says what it adds', async () => {
  await assertPackage(new URL('..', import.meta.url));
});

test('it does what roble asks of a training engine', async () => {
  await assertTrainingEngine(plugin, {
    // Of the network that is trained in the checks. Without this line it has nearly every kind of layer.
    layers: [
      { type: 'flatten' },
      { type: 'dense', units: 16 },
      { type: 'relu' },
      { type: 'dropout', rate: 0.25 },
      { type: 'dense', units: 'classes' },
    ],
  });
});
