import { test } from 'node:test';
import { assertAugmenter, assertPackage } from 'roble/testing';
import { plugin } from './<%= it.name %>.js';

test('the package says what it adds', async () => {
  await assertPackage(new URL('..', import.meta.url));
});

test('it does what roble asks of an augmenter', async (t) => {
  const { microseconds, timesAffine } = await assertAugmenter(plugin, { parameters: [{ strength: 1 }] });
  t.diagnostic(`${microseconds.toFixed(0)} µs for a picture of 28x28, ${timesAffine.toFixed(1)} times what "affine" takes`);
});
