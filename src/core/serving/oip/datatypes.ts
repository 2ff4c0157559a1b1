/** How the bytes of a number of each datatype are read: little-endian, as the binary extension of the protocol has it. */
const READERS: Readonly<Record<string, { bytes: number; read: (view: DataView, offset: number) => number }>> =
  {
    UINT8: { bytes: 1, read: (view, offset) => view.getUint8(offset) },
    UINT16: { bytes: 2, read: (view, offset) => view.getUint16(offset, true) },
    UINT32: { bytes: 4, read: (view, offset) => view.getUint32(offset, true) },
    UINT64: { bytes: 8, read: (view, offset) => Number(view.getBigUint64(offset, true)) },
    INT8: { bytes: 1, read: (view, offset) => view.getInt8(offset) },
    INT16: { bytes: 2, read: (view, offset) => view.getInt16(offset, true) },
    INT32: { bytes: 4, read: (view, offset) => view.getInt32(offset, true) },
    INT64: { bytes: 8, read: (view, offset) => Number(view.getBigInt64(offset, true)) },
    FP32: { bytes: 4, read: (view, offset) => view.getFloat32(offset, true) },
    FP64: { bytes: 8, read: (view, offset) => view.getFloat64(offset, true) },
  };

/** Datatypes that a picture can be sent in. */
export const NUMBER_DATATYPES: readonly string[] = Object.keys(READERS);

export function isWhole(datatype: string): boolean {
  return !datatype.startsWith('FP');
}

/** Bytes of one number. */
export function byteWidth(datatype: string): number {
  return READERS[datatype]!.bytes;
}

/** The numbers in some bytes. */
export function* readNumbers(datatype: string, bytes: Uint8Array): Generator<number> {
  const { bytes: width, read } = READERS[datatype]!;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let offset = 0; offset < bytes.byteLength; offset += width) yield read(view, offset);
}
