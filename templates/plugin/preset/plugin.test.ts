import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertPackage, assertPreset } from 'roble/testing';
import { plugin } from './<%= it.name %>.js';

test('the package says what it adds', async () => {
  await assertPackage(new URL('..', import.meta.url));
});

test('its layers fit each other, for pictures of these shapes', async () => {
  const networks = await assertPreset(plugin, {
    shapes: [
      { width: 28, height: 28, channels: 1 },
      { width: 32, height: 32, channels: 3 },
    ],
    classes: [2, 10, 94],
  });
  for (const { parameters } of networks) assert.ok(parameters < 50_000, `${parameters} values to train`);
});
