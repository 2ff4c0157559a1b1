import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkpointAt } from '../../../../../test/support/checkpoint.js';
import { RobleError } from '../../../base/errors.js';
import { decodeCheckpoint, encodeCheckpoint } from './checkpoint.js';

describe('a checkpoint file', () => {
  it('gives back what was written, bit for bit', () => {
    const checkpoint = checkpointAt(12);
    expect(decodeCheckpoint(encodeCheckpoint(checkpoint), 'x')).toEqual(checkpoint);
  });

  it('keeps that an engine has no plan', () => {
    const checkpoint = checkpointAt(12);
    const planless = { ...checkpoint, state: { ...checkpoint.state, plan: undefined } };
    expect(decodeCheckpoint(encodeCheckpoint(planless), 'x')).toEqual(planless);
  });

  it('is a safetensors file: length, padded header, offsets that cover the data', () => {
    const file = encodeCheckpoint(checkpointAt(12));
    const headerBytes = Number(new DataView(file.buffer).getBigUint64(0, true));
    const header = JSON.parse(Buffer.from(file.subarray(8, 8 + headerBytes)).toString());
    const ends = Object.entries<{ data_offsets: number[] }>(header).flatMap(([key, entry]) =>
      key === '__metadata__' ? [] : [entry.data_offsets[1]!],
    );
    expect(headerBytes % 8).toBe(0);
    expect(Math.max(...ends)).toBe(file.length - 8 - headerBytes);
  });

  it('with any byte changed, or cut anywhere, is a coded error', () => {
    const file = encodeCheckpoint(checkpointAt(12));
    const refused = (bytes: Uint8Array) => {
      try {
        decodeCheckpoint(bytes, 'x');
      } catch (error) {
        return error instanceof RobleError && error.code === 'ROBLE_CHECKPOINT_INVALID';
      }
      return false;
    };
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: file.length - 1 }),
        fc.integer({ min: 1, max: 255 }),
        (at, flip) => {
          const changed = Uint8Array.from(file);
          changed[at]! ^= flip;
          return refused(changed);
        },
      ),
    );
    fc.assert(
      fc.property(fc.integer({ min: 0, max: file.length - 1 }), (length) => refused(file.slice(0, length))),
    );
  });
});
