import { RobleError } from '../../../base/errors.js';
import type { ImageShape } from '../../../model/spec.js';
import { refuseUnitRange } from '../../classify/received-image.js';
import {
  byteWidth,
  INPUT_NAME,
  type InputTensor,
  isWhole,
  type NumberDatatype,
  readNumbers,
} from './schemas.js';

/**
 * The pictures in a tensor, each as the model sees it: uint8 [height, width, channels].
 *
 * @param binary the bytes that belong to the tensor; undefined: its numbers are in `data`
 * @throws {RobleError} `ROBLE_REQUEST_INVALID`, `ROBLE_REQUEST_TOO_LARGE`, `ROBLE_IMAGE_SHAPE`
 */
export function imagesOfTensor(
  tensor: InputTensor,
  binary: Uint8Array | undefined,
  input: ImageShape,
  maxBatch: number,
): Uint8Array[] {
  const count = countImages(tensor.shape, input, maxBatch);
  const size = input.height * input.width * input.channels;
  const pixels = binary
    ? pixelsOfBytes(tensor.datatype, binary, count, size)
    : pixelsOfNumbers(tensor, count, size);
  return Array.from({ length: count }, (_, i) => pixels.subarray(i * size, (i + 1) * size));
}

function countImages(shape: readonly number[], input: ImageShape, maxBatch: number): number {
  const { height, width, channels } = input;
  const [count = 0, ...picture] = shape;
  if (picture.length !== 3 || picture.some((side, i) => side !== [height, width, channels][i]))
    throw new RobleError('ROBLE_IMAGE_SHAPE', `The input "${INPUT_NAME}" is not of the model's shape.`, {
      received: `[${shape.join(', ')}]`,
      expected: `[N, ${height}, ${width}, ${channels}]`,
    });
  if (count > maxBatch)
    throw new RobleError('ROBLE_REQUEST_TOO_LARGE', 'The batch has more images than serve.maxBatch allows.', {
      received: count,
      expected: `at most ${maxBatch}`,
    });
  return count;
}

function pixelsOfBytes(datatype: NumberDatatype, bytes: Uint8Array, count: number, size: number): Uint8Array {
  const wanted = count * size * byteWidth(datatype);
  if (bytes.length !== wanted) throw wrongCount(`${bytes.length} bytes`, `${wanted} bytes`);
  if (datatype === 'UINT8') return bytes;
  return toPixels(Float64Array.from(readNumbers(datatype, bytes)), datatype, size);
}

function pixelsOfNumbers({ data, shape, datatype }: InputTensor, count: number, size: number): Uint8Array {
  if (!Array.isArray(data))
    throw invalid(`The input "${INPUT_NAME}" has no numbers.`, {
      received: data === undefined || data === null ? 'no "data"' : typeof data,
      expected: 'a list "data", or "parameters.binary_data_size" and the bytes behind the JSON',
    });
  const numbers = Array.isArray(data[0]) ? unnested(data, shape) : data;
  const wanted = count * size;
  if (numbers.length !== wanted) throw wrongCount(`${numbers.length} numbers`, `${wanted} numbers`);
  return toPixels(numbers, datatype, size);
}

/** Nested lists as one; those that are not of the shape are refused, because their numbers could be in wrong places. */
function unnested(list: readonly unknown[], [length, ...rest]: readonly number[]): unknown[] {
  if (list.length !== length) throw wrongCount(`a list of ${list.length}`, `a list of ${length}`);
  if (rest.length === 0) return [...list];
  return list.flatMap((inner) => {
    if (!Array.isArray(inner)) throw wrongCount(`${typeof inner} in a nested list`, `a list of ${rest[0]}`);
    return unnested(inner, rest);
  });
}

/** @param size values of one picture */
function toPixels(
  numbers: readonly unknown[] | Float64Array,
  datatype: NumberDatatype,
  size: number,
): Uint8Array {
  const pixels = new Uint8Array(numbers.length);
  const whole = isWhole(datatype);
  for (const [i, number] of numbers.entries()) {
    // Not a number, and text, are on no side of a limit.
    const isPixel = typeof number === 'number' && number >= 0 && number <= 255;
    if (!isPixel || (whole && !Number.isInteger(number)))
      throw invalid('A pixel is out of range.', {
        received: typeof number === 'number' ? String(number) : number,
        expected: whole ? `whole numbers 0..255 for ${datatype}` : 'numbers 0..255',
      });
    pixels[i] = Math.round(number);
  }
  for (let start = 0; !whole && start < numbers.length; start += size)
    refuseUnitRange(numbers.slice(start, start + size) as ArrayLike<number>);
  return pixels;
}

function wrongCount(received: string, expected: string): RobleError {
  return new RobleError('ROBLE_IMAGE_SHAPE', `The numbers of "${INPUT_NAME}" do not fill its shape.`, {
    received,
    expected,
  });
}

function invalid(message: string, details: { received: unknown; expected: string }): RobleError {
  return new RobleError('ROBLE_REQUEST_INVALID', message, details);
}
