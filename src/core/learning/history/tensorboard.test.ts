import { parse, Root } from 'protobufjs';
import { describe, expect, it } from 'vitest';
import type { EpochRecord, RunHistory } from './record.js';
import { crc32c, encodeScalarEvents } from './tensorboard.js';

/** The part of TensorBoard's own definition that is used, read by a library instead of our encoder. */
const { root } = parse(
  `syntax = "proto3";
   message Value { string node_name = 7; string tag = 1; float simple_value = 2; }
   message Summary { repeated Value value = 1; }
   message Event { double wall_time = 1; int64 step = 2; string file_version = 3; Summary summary = 5; }`,
  new Root(),
  { keepCase: true },
);

interface Event {
  readonly wallTime: number;
  readonly step: number;
  /** Empty in an event with scalars. */
  readonly version: string;
  readonly scalars: Readonly<Record<string, number>>;
}

function eventOf(data: Uint8Array): Event {
  const type = root.lookupType('Event');
  const { wall_time, step, file_version, summary } = type.toObject(type.decode(data), {
    longs: Number,
    defaults: true,
  });
  const values: { tag: string; simple_value: number }[] = summary?.value ?? [];
  const scalars = Object.fromEntries(values.map(({ tag, simple_value }) => [tag, simple_value]));
  return { wallTime: wall_time, step, version: file_version, scalars };
}

/** The events of a file of TFRecords, every checksum compared. */
function eventsOf(file: Uint8Array): Event[] {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const events: Event[] = [];
  const unmask = (masked: number) => {
    const rotated = (masked - 0xa282ead8) >>> 0;
    return ((rotated >>> 17) | (rotated << 15)) >>> 0;
  };
  for (let at = 0; at < file.length; ) {
    const length = Number(view.getBigUint64(at, true));
    expect(unmask(view.getUint32(at + 8, true))).toBe(crc32c(file.subarray(at, at + 8)));
    const data = file.subarray(at + 12, at + 12 + length);
    expect(unmask(view.getUint32(at + 12 + length, true))).toBe(crc32c(data));
    events.push(eventOf(data));
    at += 16 + length;
  }
  return events;
}

const epochOf = (epoch: number): EpochRecord => ({
  epoch,
  step: epoch * 100,
  loss: 1 / epoch,
  accuracy: 0.5,
  valLoss: 0.75,
  valAccuracy: 0.625,
  valTop3Accuracy: 0.875,
  valBalancedAccuracy: 0.5,
  learningRate: 0.001,
  gradientNorm: 2,
  skippedSteps: 0,
  imagesPerSecond: 1234.5,
  trainSeconds: 60,
  evaluationSeconds: 4,
});

const history = (epochs: EpochRecord[]): RunHistory => ({
  format: 'roble-history',
  version: 1,
  run: {},
  epochs,
  events: [{ event: 'started', time: '2024-05-01T12:00:00.000Z', step: 0 }],
});

describe('encodeScalarEvents', () => {
  it('begins with the version, as TensorBoard asks for', () => {
    expect(eventsOf(encodeScalarEvents(history([])))).toEqual([
      { wallTime: Date.UTC(2024, 4, 1, 12) / 1000, step: 0, version: 'brain.Event:2', scalars: {} },
    ]);
  });

  it('has each metric of each epoch as a scalar, whose step is the epoch and whose time is when that ended', () => {
    const epochs = [1, 2, 300].map(epochOf);
    const [, ...events] = eventsOf(encodeScalarEvents(history(epochs)));
    const start = Date.UTC(2024, 4, 1, 12) / 1000;
    const expected = epochs.flatMap(({ epoch, step: _, ...metrics }, i) =>
      Object.entries(metrics).map(([name, value]) => ({
        wallTime: start + 64 * (i + 1),
        step: epoch,
        version: '',
        scalars: { [`epoch/${name}`]: Math.fround(value) },
      })),
    );
    expect(events).toEqual(expected);
  });

  it('keeps what is not a finite number', () => {
    const epochs = [{ ...epochOf(1), valLoss: Number.NaN, loss: Number.POSITIVE_INFINITY }];
    const [, ...events] = eventsOf(encodeScalarEvents(history(epochs)));
    const values = Object.assign({}, ...events.map(({ scalars }) => scalars));
    expect(values).toMatchObject({ 'epoch/valLoss': Number.NaN, 'epoch/loss': Number.POSITIVE_INFINITY });
  });
});

describe('crc32c', () => {
  // The check value of the catalogue of CRCs, and the examples of RFC 3720, appendix B.4.
  it.each([
    ['123456789', new TextEncoder().encode('123456789'), 0xe3069283],
    ['32 zeros', new Uint8Array(32), 0x8a9136aa],
    ['32 ones', new Uint8Array(32).fill(255), 0x62a8ab43],
    ['0 to 31', Uint8Array.from({ length: 32 }, (_, i) => i), 0x46dd794e],
    ['nothing', new Uint8Array(), 0],
  ])('of %s', (_, bytes, expected) => expect(crc32c(bytes)).toBe(expected));
});
