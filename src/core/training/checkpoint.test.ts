import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RobleError } from '../errors.js';
import { type Checkpoint, CheckpointStore, decodeCheckpoint, encodeCheckpoint } from './checkpoint.js';

const tensor = (values: number[]) => ({ shape: [values.length], data: Float32Array.from(values) });
const checkpointAt = (step: number): Checkpoint => ({
  state: {
    step,
    parameters: { 'conv1.weight': tensor([1, -2, 3.5]), 'residual1.conv1.weight': tensor([Number.NaN, 0]) },
    optimizer: { 'firstMoment/conv1.weight': tensor([0.1, 0.2, 0.3]) },
    plan: { threads: 2, convolutions: { conv1: 'plain' } },
  },
  progress: { epoch: 2, stepInEpoch: 5, best: { epoch: 1, value: 0.75 } },
});

describe('a checkpoint file', () => {
  it('gives back what was written, bit for bit', () => {
    const checkpoint = checkpointAt(12);
    expect(decodeCheckpoint(encodeCheckpoint(checkpoint), 'x')).toEqual(checkpoint);
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

  it('with any byte of its data changed, or cut anywhere, is a coded error', () => {
    const file = encodeCheckpoint(checkpointAt(12));
    const dataStart = 8 + Number(new DataView(file.buffer).getBigUint64(0, true));
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
        fc.integer({ min: dataStart, max: file.length - 1 }),
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

describe('CheckpointStore', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'roble-checkpoints-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('keeps the newest, and the best whatever its age', async () => {
    const store = new CheckpointStore(join(folder, 'checkpoints'), 2);
    await store.saveBest(checkpointAt(1));
    for (const step of [1, 2, 3, 10]) await store.save(checkpointAt(step));
    expect(await readdir(join(folder, 'checkpoints'))).toEqual([
      'best.safetensors',
      'step-000000003.safetensors',
      'step-000000010.safetensors',
    ]);
    expect(await store.readBest()).toEqual(checkpointAt(1));
    const [, newest] = await store.list();
    expect(decodeCheckpoint(await readFile(newest!), newest!)).toEqual(checkpointAt(10));
  });
});
