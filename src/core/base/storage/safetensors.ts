import { createHash } from 'node:crypto';

/** Where the format keeps texts beside the tensors. */
const METADATA = '__metadata__';

type Header = Record<string, object> & { [METADATA]: Record<string, string> };

/**
 * Tensors as one file in the safetensors format, which other programs read: the length of the header in eight bytes,
 * a JSON header padded with blanks to a multiple of eight, float32 data. The metadata gets a field of its own more,
 * `sha256`, over all the rest.
 *
 * See https://github.com/huggingface/safetensors#format.
 */
export function encodeSafetensors(
  tensors: TensorMap,
  metadata: Readonly<Record<string, string>>,
): Uint8Array {
  const entries = Object.entries(tensors);
  const data = new Uint8Array(entries.reduce((bytes, [, tensor]) => bytes + tensor.data.byteLength, 0));
  const header: Header = { [METADATA]: metadata };
  let offset = 0;
  for (const [name, { shape, data: values }] of entries) {
    const end = offset + values.byteLength;
    data.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), offset);
    header[name] = { dtype: 'F32', shape, data_offsets: [offset, end] };
    offset = end;
  }
  return assemble({ ...header, [METADATA]: { ...metadata, sha256: digestOf(header, data) } }, data);
}

/**
 * What {@link encodeSafetensors} wrote.
 *
 * @throws {Error} when the bytes are not those that were written; the caller knows what file it was
 */
export function decodeSafetensors(file: Uint8Array): {
  tensors: TensorMap;
  metadata: Record<string, string>;
} {
  const headerBytes = Number(new DataView(file.buffer, file.byteOffset).getBigUint64(0, true));
  const header: Header = JSON.parse(Buffer.from(file.subarray(8, 8 + headerBytes)).toString());
  // A copy: the file may be a view of a larger buffer, at any offset.
  const data = new Uint8Array(file.subarray(8 + headerBytes));
  const { sha256, ...metadata } = header[METADATA];
  if (digestOf({ ...header, [METADATA]: metadata }, data) !== sha256) throw new Error('another SHA-256');
  const tensors: TensorMap = {};
  for (const [name, entry] of Object.entries(header)) {
    if (name === METADATA) continue;
    const { shape, data_offsets } = entry as { shape: number[]; data_offsets: [number, number] };
    tensors[name] = { shape, data: new Float32Array(data.buffer.slice(...data_offsets)) };
  }
  return { tensors, metadata };
}

function assemble(header: Header, data: Uint8Array): Uint8Array {
  const text = Buffer.from(JSON.stringify(header));
  const headerBytes = Math.ceil(text.length / 8) * 8;
  const file = new Uint8Array(8 + headerBytes + data.length);
  new DataView(file.buffer).setBigUint64(0, BigInt(headerBytes), true);
  file.fill(0x20, 8, 8 + headerBytes);
  file.set(text, 8);
  file.set(data, 8 + headerBytes);
  return file;
}

function digestOf(header: Header, data: Uint8Array): string {
  return createHash('sha256').update(JSON.stringify(header)).update(data).digest('hex');
}

/** Named float32 tensors, row-major. */
export type TensorMap = Record<string, { readonly shape: readonly number[]; readonly data: Float32Array }>;
