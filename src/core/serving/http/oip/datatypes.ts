interface Datatype {
  /** Of one number. */
  readonly bytes: number;
  /** Little-endian, as the binary extension of the protocol has it. */
  readonly read: (view: DataView, offset: number) => number;
}

const WHOLE = {
  UINT8: { bytes: 1, read: (view, offset) => view.getUint8(offset) },
  UINT16: { bytes: 2, read: (view, offset) => view.getUint16(offset, true) },
  UINT32: { bytes: 4, read: (view, offset) => view.getUint32(offset, true) },
  UINT64: { bytes: 8, read: (view, offset) => Number(view.getBigUint64(offset, true)) },
  INT16: { bytes: 2, read: (view, offset) => view.getInt16(offset, true) },
  INT32: { bytes: 4, read: (view, offset) => view.getInt32(offset, true) },
  INT64: { bytes: 8, read: (view, offset) => Number(view.getBigInt64(offset, true)) },
} as const satisfies Record<string, Datatype>;

const REAL = {
  FP32: { bytes: 4, read: (view, offset) => view.getFloat32(offset, true) },
  FP64: { bytes: 8, read: (view, offset) => view.getFloat64(offset, true) },
} as const satisfies Record<string, Datatype>;

const DATATYPES = { ...WHOLE, ...REAL };
export type NumberDatatype = keyof typeof DATATYPES;

const namesOf = <T extends object>(types: T) => Object.keys(types) as [keyof T, ...(keyof T)[]];
/** The datatypes of the protocol that pictures can be sent in: all of numbers up to 255 that JavaScript can read. */
export const WHOLE_DATATYPES = namesOf(WHOLE);
export const REAL_DATATYPES = namesOf(REAL);

export function isWhole(datatype: NumberDatatype): boolean {
  return datatype in WHOLE;
}

/** Bytes of one number. */
export function byteWidth(datatype: NumberDatatype): number {
  return DATATYPES[datatype].bytes;
}

/** The numbers in some bytes. */
export function* readNumbers(datatype: NumberDatatype, bytes: Uint8Array): Generator<number> {
  const { bytes: width, read } = DATATYPES[datatype];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let offset = 0; offset < bytes.byteLength; offset += width) yield read(view, offset);
}
