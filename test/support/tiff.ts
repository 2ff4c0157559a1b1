/** The types of numbers that a TIFF may hold: how many bits, what TIFF 6.0 calls the format, and how one is written. */
const TYPES = {
  uint8: { bits: 8, format: 1, write: (data, value, at) => data.writeUInt8(value, at) },
  uint16: { bits: 16, format: 1, write: (data, value, at) => data.writeUInt16LE(value, at) },
  uint32: { bits: 32, format: 1, write: (data, value, at) => data.writeUInt32LE(value, at) },
  int8: { bits: 8, format: 2, write: (data, value, at) => data.writeInt8(value, at) },
  int16: { bits: 16, format: 2, write: (data, value, at) => data.writeInt16LE(value, at) },
  int32: { bits: 32, format: 2, write: (data, value, at) => data.writeInt32LE(value, at) },
  float: { bits: 32, format: 3, write: (data, value, at) => data.writeFloatLE(value, at) },
  double: { bits: 64, format: 3, write: (data, value, at) => data.writeDoubleLE(value, at) },
} as const satisfies Record<
  string,
  { bits: number; format: number; write: (data: Buffer, value: number, at: number) => void }
>;
export type TiffType = keyof typeof TYPES;

export interface TiffOptions {
  readonly type: TiffType;
  readonly width: number;
  readonly height: number;
  /** Values of a pixel; an even number has alpha as its last. Default 1. */
  readonly channels?: number;
}

const [SHORT, LONG] = [3, 4];
const HEADER = Buffer.from([0x49, 0x49, 42, 0, 8, 0, 0, 0]);

/** A TIFF (TIFF 6.0, little-endian, one strip, not compressed) of these values, [height, width, channels]. */
export function encodeTiff(
  { type, width, height, channels = 1 }: TiffOptions,
  values: readonly number[],
): Buffer {
  const { bits, format, write } = TYPES[type];
  const data = Buffer.alloc((values.length * bits) / 8);
  for (const [i, value] of values.entries()) write(data, value, (i * bits) / 8);
  const isColour = channels >= 3;
  const tags: [tag: number, type: number, values: number[]][] = [
    [256, LONG, [width]],
    [257, LONG, [height]],
    [258, SHORT, Array(channels).fill(bits)],
    [259, SHORT, [1]],
    [262, SHORT, [isColour ? 2 : 1]],
    // The place of the strip, which is known when the tags are.
    [273, LONG, [0]],
    [277, SHORT, [channels]],
    [278, LONG, [height]],
    [279, LONG, [data.length]],
    [284, SHORT, [1]],
  ];
  const further = channels - (isColour ? 3 : 1);
  if (further > 0) tags.push([338, SHORT, Array.from({ length: further }, (_, i) => (i === 0 ? 2 : 0))]);
  tags.push([339, SHORT, Array(channels).fill(format)]);
  const directory = Buffer.alloc(2 + 12 * tags.length + 4);
  const outside = tags.map(([, , list]) => (list.length > 2 ? 2 * list.length : 0)).reduce((a, b) => a + b);
  const lists = Buffer.alloc(outside);
  tags.find(([tag]) => tag === 273)![2] = [HEADER.length + directory.length + lists.length];
  directory.writeUInt16LE(tags.length, 0);
  let free = 0;
  for (const [i, [tag, kind, list]] of tags.entries()) {
    const at = 2 + 12 * i;
    directory.writeUInt16LE(tag, at);
    directory.writeUInt16LE(kind, at + 2);
    directory.writeUInt32LE(list.length, at + 4);
    if (kind === LONG) directory.writeUInt32LE(list[0]!, at + 8);
    else if (list.length <= 2)
      for (const [k, value] of list.entries()) directory.writeUInt16LE(value, at + 8 + 2 * k);
    else {
      directory.writeUInt32LE(HEADER.length + directory.length + free, at + 8);
      for (const value of list) free = lists.writeUInt16LE(value, free);
    }
  }
  return Buffer.concat([HEADER, directory, lists, data]);
}
