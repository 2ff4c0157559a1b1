import { decodeModel, encodeModel } from '../../core/model/onnx/format.js';
import {
  type ImageShape,
  type QuantizationRequest,
  type QuantizedModel,
  RobleError,
  sizeOf,
} from '../../core/plugin/index.js';
import { rangesOf } from './calibrate.js';
import { answerOnce } from './checked-export.js';
import { quantizeGraph } from './quantized-graph.js';

/**
 * A classifier of {@link buildInferenceGraph} with 8-bit integers. All is computed on one thread, so that the same pictures give
 * the same bytes.
 *
 * @throws {RobleError} `ROBLE_QUANTIZATION_REFUSED` for a model that roble did not write, or without layers for integers
 */
export async function quantizeOnnx({
  model: bytes,
  input,
  calibration,
  golden,
  onImages,
}: QuantizationRequest): Promise<QuantizedModel> {
  const model = decodeModel(bytes);
  if (!model)
    throw refused('It is not in the form that roble writes.', 'a model that "roble train" exported');
  const values: string[] = [];
  const { layers } = quantizeGraph(model, (value) => {
    values.push(value);
    return { low: 0, high: 1 };
  });
  if (layers.quantized === 0) throw refused('It has no convolution and no dense layer.', 'one at least');
  const ranges = await rangesOf(model, values, { images: calibration, shape: shapeOf(input) }, onImages);
  const infinite = values.find((value) => !Object.values(ranges.get(value)!).every(Number.isFinite));
  if (infinite) throw refused(`The value "${infinite}" is not finite.`, 'numbers');
  const onnx = encodeModel(quantizeGraph(model, (value) => ranges.get(value)!).model);
  return { onnx, layers, golden: await goldenAnswers(onnx, golden, input) };
}

function refused(received: string, expected: string): RobleError {
  return new RobleError('ROBLE_QUANTIZATION_REFUSED', 'The model cannot be quantized.', {
    received,
    expected,
  });
}

const shapeOf = ({ height, width, channels }: ImageShape) => [height, width, channels];

/**
 * Sums of integers are the same everywhere, floats between them are not: a value that lies between two steps may be rounded
 * to the other one elsewhere. How far that goes is seen by computing the integers as the floats that they stand for, as
 * graphics processors do; twice as much is allowed.
 */
async function goldenAnswers(onnx: Uint8Array, images: Uint8Array, input: ImageShape) {
  const count = images.length / sizeOf(shapeOf(input));
  const [probabilities, inFloats] = [
    await answerOnce({ input }, onnx, { threads: 1 })(images, count),
    await answerOnce({ input }, onnx, { threads: 1, optimize: false })(images, count),
  ];
  const differences = probabilities.map((value, i) => Math.abs(value - inFloats[i]!));
  return { probabilities, tolerance: 2 * differences.reduce((a, b) => Math.max(a, b), 0) };
}
