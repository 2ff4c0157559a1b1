import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { TensorMap } from './safetensors.js';
import { decodeSafetensors, encodeSafetensors } from './safetensors.js';

const tensor = (shape: number[], values: number[]) => ({ shape, data: Float32Array.from(values) });
const TENSORS: TensorMap = {
  'conv1.weight': tensor([2, 3], [1, -2, 3.5, Number.NaN, 0, 5]),
  scalar: tensor([], [7]),
  'optimizer:firstMoment/conv1.weight': tensor([1], [0.1]),
};
const file = encodeSafetensors(TENSORS, { step: '12', note: 'with "quotes" and ä' });

describe('a safetensors file', () => {
  it('gives back what was written, bit for bit, wherever it lies in memory', () => {
    const shifted = new Uint8Array(file.length + 3);
    shifted.set(file, 3);
    for (const bytes of [file, shifted.subarray(3)])
      expect(decodeSafetensors(bytes)).toEqual({
        tensors: TENSORS,
        metadata: { step: '12', note: 'with "quotes" and ä' },
      });
  });

  it('takes a tensor that is a part of a larger buffer', () => {
    const part = { shape: [2], data: Float32Array.of(1, 2, 3, 4).subarray(1, 3) };
    const { tensors } = decodeSafetensors(encodeSafetensors({ part }, {}));
    expect(tensors).toEqual({ part: tensor([2], [2, 3]) });
  });

  it('is laid out as the format says: length, padded JSON, offsets that follow each other to the end', () => {
    const headerBytes = Number(new DataView(file.buffer).getBigUint64(0, true));
    expect(headerBytes % 8).toBe(0);
    const { __metadata__: metadata, ...entries } = JSON.parse(
      Buffer.from(file.subarray(8, 8 + headerBytes)).toString(),
    );
    expect(Object.values(metadata).every((value) => typeof value === 'string')).toBe(true);
    let end = 0;
    for (const [name, entry] of Object.entries<{ data_offsets: [number, number] }>(entries)) {
      const { shape, data } = TENSORS[name]!;
      expect(entry).toEqual({ dtype: 'F32', shape, data_offsets: [end, end + data.byteLength] });
      const bytes = file.slice(8 + headerBytes + end, 8 + headerBytes + end + data.byteLength);
      expect(new Float32Array(bytes.buffer)).toEqual(data);
      end += data.byteLength;
    }
    expect(8 + headerBytes + end).toBe(file.length);
  });

  it('cut anywhere, or longer, is refused', () => {
    fc.assert(
      fc.property(fc.nat({ max: file.length - 1 }), (length) => {
        expect(() => decodeSafetensors(file.slice(0, length))).toThrow();
      }),
    );
    expect(() => decodeSafetensors(Uint8Array.of(...file, 0))).toThrow('SHA-256');
  });

  it('with any byte changed is refused, or means the same: only blanks are free', () => {
    const original = decodeSafetensors(file);
    fc.assert(
      fc.property(fc.nat({ max: file.length - 1 }), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const changed = Uint8Array.from(file);
        changed[at]! ^= flip;
        let decoded: unknown;
        try {
          decoded = decodeSafetensors(changed);
        } catch {
          return;
        }
        expect(decoded).toEqual(original);
      }),
      { numRuns: 2000 },
    );
  });
});
