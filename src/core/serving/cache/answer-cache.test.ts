import { getHeapStatistics } from 'node:v8';
import { expect, it } from 'vitest';
import { AnswerCache } from './answer-cache.js';

const open = async (memoryBytes: number) => {
  const warnings: string[] = [];
  const cache = await AnswerCache.open({ memoryBytes, ttlSeconds: 1, warn: (text) => warnings.push(text) });
  return { cache, warnings };
};
const pixels = (i: number) => Uint8Array.of(i, i >> 8);
const model = { digest: 'digest', classes: ['a', 'b', 'c'] };

it('gives back the very numbers that were computed, and forgets the oldest when it is full', async () => {
  const { cache } = await open(10_000);
  const computed = (i: number) => Float32Array.of(i, 1 / (i + 3), -1e-42);
  const ask = (
    i: number,
    compute = async () => ({ probabilities: computed(i), queueMs: 1, inferenceMs: 2 }),
  ) => cache.answer(model, pixels(i), {}, compute);
  for (let i = 0; i < 100; i++) await ask(i);
  const kept = await ask(99, () => Promise.reject(new Error('It is computed again.')));
  expect(kept).toEqual({ probabilities: computed(99), source: 'memory', queueMs: 0, inferenceMs: 0 });
  expect((await ask(0)).source).toBe('model');
  const { memory } = cache.toJSON();
  expect(memory!.bytes).toBeLessThanOrEqual(10_000);
  expect(memory!.entries).toBeGreaterThan(20);
});

it('takes no more of the heap than half, and says so', async () => {
  expect((await open(1_000_000)).warnings).toEqual([]);
  const { warnings } = await open(2 * getHeapStatistics().heap_size_limit);
  expect(warnings).toEqual([expect.stringContaining('--max-old-space-size')]);
});
