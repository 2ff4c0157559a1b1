/** The program of `examples/roble-process` in a test: ONNX Runtime over standard input and output. */
import { createRequire } from 'node:module';

// The package that roble itself computes with, wherever the tests run.
const { InferenceSession, Tensor } = createRequire(import.meta.url)('onnxruntime-node');

const { ROBLE_MODEL, ROBLE_WIDTH, ROBLE_HEIGHT, ROBLE_CHANNELS } = process.env;
const shape = [ROBLE_HEIGHT, ROBLE_WIDTH, ROBLE_CHANNELS].map(Number);
const size = shape.reduce((a, b) => a * b, 1);
const session = await InferenceSession.create(ROBLE_MODEL);

let received = Buffer.alloc(0);
for await (const chunk of process.stdin) {
  received = Buffer.concat([received, chunk]);
  while (received.length >= 4) {
    const count = received.readUInt32LE();
    const end = 4 + count * size;
    if (received.length < end) break;
    const images = new Tensor('uint8', new Uint8Array(received.subarray(4, end)), [count, ...shape]);
    const { probabilities } = await session.run({ images });
    process.stdout.write(
      Buffer.from(probabilities.data.buffer, probabilities.data.byteOffset, probabilities.data.byteLength),
    );
    received = received.subarray(end);
  }
}
