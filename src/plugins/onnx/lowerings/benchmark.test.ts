import { describe, expect, it } from 'vitest';
import { GraphBuilder } from '../../../engine-kit/onnx/graph.js';
import { type BenchmarkGraph, benchmark } from './benchmark.js';

const SHAPE = [64, 64];
const inputs = { a: SHAPE, b: SHAPE };

function product(repeats: number, type = 'MatMul'): BenchmarkGraph {
  const graph = new GraphBuilder();
  const [a, b] = ['a', 'b'].map((name) => graph.input(name, 'float32', SHAPE)) as [string, string];
  let value = graph.op(type, [a, b]);
  // Multiplied by one: the same result, for more work.
  for (let i = 1; i < repeats; i++)
    value = graph.op('Add', [
      graph.op('Mul', [value, graph.op('Exp', [graph.op('Sub', [a, a])])]),
      graph.op('Sub', [b, b]),
    ]);
  graph.output(value, 'result', 'float32', SHAPE);
  return { model: graph.encode(), inputs };
}

describe('benchmark', () => {
  it('gives each graph a time, and the one with more work the longer one', async () => {
    const [short, long] = await benchmark([product(1), product(200)], 1);
    expect(short).toBeGreaterThan(0);
    expect(long).toBeGreaterThan(short!);
  });

  it('gives null to a graph with another result, and to one that this runtime refuses', async () => {
    const times = await benchmark([product(1), product(1, 'Add'), product(1, 'NoSuchOperator')], 1);
    expect(times).toEqual([expect.any(Number), null, null]);
  });

  it('goes on without the first one when that is refused', async () => {
    expect(await benchmark([product(1, 'NoSuchOperator'), product(1)], 1)).toEqual([
      null,
      expect.any(Number),
    ]);
  });
});
