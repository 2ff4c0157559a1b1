/**
 * How far the engines `onnx` and `tfjs` come to lie from each other in twenty steps from the same weights, on the same
 * batches: the table of docs/engine.md.
 *
 *   npm run bench:parity
 */
import { plugin as onnx } from '../src/plugins/onnx/training-engine.js';
import { plugin as tfjs } from '../src/plugins/tfjs/training-engine.js';
import { measureParity, PARITY_CASES } from '../test/support/parity.js';

console.log('| | loss | weights, average, statistics | moments | loss of the first and the last step |');
console.log('|---|---|---|---|---|');
for (const parityCase of PARITY_CASES) {
  const { name, loss, weights, moments, losses } = await measureParity([onnx, tfjs], parityCase);
  const cells = [...[loss, weights, moments].map(power), losses.map((value) => value.toFixed(3)).join(', ')];
  console.log(`| ${[name, ...cells].join(' | ')} |`);
}

function power(value: number): string {
  return value === 0 ? '0' : value.toExponential(1);
}
