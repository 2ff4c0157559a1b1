import { ELEMENT_TYPES, invalidOnnx, MAX_MODEL_BYTES, type OnnxTensor } from './format.js';

/** A constant of a file, whose size was checked; its numbers are read when they are asked for. */
export interface Constant {
  readonly name: string;
  readonly dims: readonly number[];
  /** How many numbers. */
  readonly count: number;
  /** Undefined: of a type that roble does not read, such as texts. */
  readonly kind: 'float' | 'integer' | undefined;
  /** As float32, whatever type they have in the file. */
  floats(): Float32Array;
  /** Of integers and truth values; those beyond 2^53 are near what they are. */
  integers(): number[];
}

const MAX_RANK = 16;

interface Kind {
  readonly isFloat: boolean;
  readonly bytes: number;
  readonly read: (view: DataView, at: number) => number;
  /** The field that has the numbers where there are no raw bytes; of 16-bit floats, it has their bits. */
  readonly field: 'floatData' | 'int32Data' | 'int64Data' | 'doubleData';
}

const KINDS = new Map<number, Kind>(
  Object.entries({
    float32: { isFloat: true, bytes: 4, read: (view, at) => view.getFloat32(at, true), field: 'floatData' },
    float64: { isFloat: true, bytes: 8, read: (view, at) => view.getFloat64(at, true), field: 'doubleData' },
    float16: {
      isFloat: true,
      bytes: 2,
      read: (view, at) => fromHalf(view.getUint16(at, true)),
      field: 'int32Data',
    },
    uint8: { isFloat: false, bytes: 1, read: (view, at) => view.getUint8(at), field: 'int32Data' },
    int8: { isFloat: false, bytes: 1, read: (view, at) => view.getInt8(at), field: 'int32Data' },
    bool: { isFloat: false, bytes: 1, read: (view, at) => view.getUint8(at), field: 'int32Data' },
    int32: { isFloat: false, bytes: 4, read: (view, at) => view.getInt32(at, true), field: 'int32Data' },
    int64: {
      isFloat: false,
      bytes: 8,
      read: (view, at) => Number(view.getBigInt64(at, true)),
      field: 'int64Data',
    },
  } satisfies Record<keyof typeof ELEMENT_TYPES, Kind>).map(([name, kind]) => [
    ELEMENT_TYPES[name as keyof typeof ELEMENT_TYPES],
    kind,
  ]),
);

/**
 * A tensor of a file.
 *
 * @param name what messages and nodes call it
 * @throws {RobleError} `ROBLE_ONNX_INVALID` where its numbers are not as many as its sides say, or in another file
 */
export function constantOf(tensor: OnnxTensor, name = tensor.name): Constant {
  const { dims, dataType = 0, rawData } = tensor;
  if (tensor.dataLocation === 1 || (tensor.externalData?.length ?? 0) > 0) {
    const file = tensor.externalData?.find(({ key }) => key === 'location')?.value;
    throw invalidOnnx(`the numbers of "${name}" are in another file${file ? `, "${file}"` : ''}.`, {
      nextSteps: [
        'Write the model into one file: torch.onnx.export(..., external_data=False), or in Python onnx.save(onnx.load("model.onnx"), "whole.onnx").',
      ],
    });
  }
  if (dims.length > MAX_RANK) throw invalidOnnx(`the constant "${name}" has ${dims.length} sides.`);
  let count = 1;
  for (const side of dims) {
    count *= side;
    if (side < 0 || !(count <= MAX_MODEL_BYTES))
      throw invalidOnnx(`the constant "${name}" has the sides ${dims}.`);
  }
  const kind = KINDS.get(dataType);
  const typed = kind ? (tensor[kind.field] ?? []) : [];
  const found = rawData && rawData.length > 0 ? rawData.length / (kind?.bytes ?? 1) : typed.length;
  if (kind && found !== count)
    throw invalidOnnx(
      `the constant "${name}" has ${found} numbers, and its sides ${dims.join(' x ')} say ${count}.`,
    );

  const numbers = (): { kind: Kind; at: (i: number) => number } => {
    if (!kind)
      throw invalidOnnx(
        `the constant "${name}" has the element type ${dataType}, which roble does not read.`,
      );
    if (!rawData || rawData.length === 0)
      return { kind, at: dataType === ELEMENT_TYPES.float16 ? (i) => fromHalf(typed[i]!) : (i) => typed[i]! };
    const view = new DataView(rawData.buffer, rawData.byteOffset, rawData.byteLength);
    return { kind, at: (i) => kind.read(view, i * kind.bytes) };
  };
  return {
    name,
    dims,
    count,
    kind: kind && (kind.isFloat ? 'float' : 'integer'),
    floats() {
      const { at } = numbers();
      const values = new Float32Array(count);
      for (let i = 0; i < count; i++) values[i] = at(i);
      return values;
    },
    integers() {
      const { at, kind: found } = numbers();
      if (found.isFloat) throw invalidOnnx(`the constant "${name}" has floats where integers are expected.`);
      return Array.from({ length: count }, (_, i) => at(i));
    },
  };
}

/** A number of IEEE 754's binary16 by its bits. */
function fromHalf(bits: number): number {
  const [exponent, fraction] = [(bits >> 10) & 31, bits & 1023];
  const size =
    exponent === 0
      ? fraction * 2 ** -24
      : exponent === 31
        ? fraction === 0
          ? Number.POSITIVE_INFINITY
          : Number.NaN
        : (1 + fraction / 1024) * 2 ** (exponent - 15);
  return bits & 0x8000 ? -size : size;
}
