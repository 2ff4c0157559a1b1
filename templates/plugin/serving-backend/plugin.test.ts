import { test } from 'node:test';
import { assertPackage, assertServingBackend } from 'roble/testing';
import { plugin } from './<%= it.name %>.js';

test('the package says what it adds', async () => {
  await assertPackage(new URL('..', import.meta.url));
});

test('it does what roble asks of a serving backend', async () => {
  await assertServingBackend(plugin, {
    // Of the model that is made for the checks. Without this line it has nearly every kind of layer.
    layers: [
      { type: 'flatten' },
      { type: 'dense', units: 8 },
      { type: 'relu' },
      { type: 'dropout', rate: 0.25 },
      { type: 'dense', units: 'classes' },
    ],
  });
});
