import type { EpochRecord, RunHistory } from './record.js';

/** Fields of an epoch that say where it is, not how it went. */
const PLACES: readonly string[] = ['epoch', 'step'];

/**
 * The history as the content of a TensorBoard event file: a scalar `epoch/...` for each metric of each epoch, whose
 * step is the epoch. An epoch's time is the start of the run and the seconds that it and the epochs before it took,
 * so that equal histories give equal files.
 *
 * The format: TFRecords of `tensorflow.Event` messages
 * (https://github.com/tensorflow/tensorboard/blob/master/tensorboard/compat/proto/event.proto).
 */
export function encodeScalarEvents({ epochs, events }: RunHistory): Uint8Array {
  let wallTime = events[0] ? Date.parse(events[0].time) / 1000 : 0;
  const records = [record(event(wallTime, 0, text(FIELD.fileVersion, 'brain.Event:2')))];
  for (const epoch of epochs) {
    wallTime += epoch.trainSeconds + epoch.evaluationSeconds;
    for (const [name, value] of metricsOf(epoch))
      records.push(record(event(wallTime, epoch.epoch, scalarSummary(`epoch/${name}`, value))));
  }
  return concatenate(records);
}

function metricsOf(epoch: EpochRecord): [string, number][] {
  return Object.entries(epoch).filter(
    (entry): entry is [string, number] => typeof entry[1] === 'number' && !PLACES.includes(entry[0]),
  );
}

/** Field numbers of `Event`, `Summary` and `Summary.Value`. */
const FIELD = { wallTime: 1, step: 2, fileVersion: 3, summary: 5, value: 1, tag: 1, simpleValue: 2 } as const;

/** Wire types of protocol buffers. */
const WIRE = { varint: 0, fixed64: 1, lengthDelimited: 2, fixed32: 5 } as const;

function event(wallTime: number, step: number, what: Uint8Array): Uint8Array {
  const time = new Uint8Array(8);
  new DataView(time.buffer).setFloat64(0, wallTime, true);
  return concatenate([
    tag(FIELD.wallTime, WIRE.fixed64),
    time,
    tag(FIELD.step, WIRE.varint),
    varint(step),
    what,
  ]);
}

function scalarSummary(name: string, value: number): Uint8Array {
  const number = new Uint8Array(4);
  new DataView(number.buffer).setFloat32(0, value, true);
  const scalar = [text(FIELD.tag, name), tag(FIELD.simpleValue, WIRE.fixed32), number];
  return message(FIELD.summary, message(FIELD.value, concatenate(scalar)));
}

function text(field: number, value: string): Uint8Array {
  return message(field, new TextEncoder().encode(value));
}

function message(field: number, content: Uint8Array): Uint8Array {
  return concatenate([tag(field, WIRE.lengthDelimited), varint(content.length), content]);
}

function tag(field: number, wire: number): Uint8Array {
  return varint((field << 3) | wire);
}

/** Seven bits a byte, the lowest first; the highest bit of a byte says that more follow. */
function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  bytes.push(rest);
  return Uint8Array.from(bytes);
}

/** A TFRecord: the length, its checksum, the data, its checksum. */
function record(data: Uint8Array): Uint8Array {
  const framed = new Uint8Array(12 + data.length + 4);
  const view = new DataView(framed.buffer);
  view.setBigUint64(0, BigInt(data.length), true);
  view.setUint32(8, maskedChecksum(framed.subarray(0, 8)), true);
  framed.set(data, 12);
  view.setUint32(12 + data.length, maskedChecksum(data), true);
  return framed;
}

/** Masked, as TFRecord wants it, so that a checksum over data with checksums in it is still a good one. */
function maskedChecksum(bytes: Uint8Array): number {
  const crc = crc32c(bytes);
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

/** The polynomial of Castagnoli et al. 1993, its bits reversed. */
const POLYNOMIAL = 0x82f63b78;

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ POLYNOMIAL : value >>> 1;
  return value;
});

/** CRC-32C of bytes, as an unsigned number. */
export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = TABLE[(crc ^ byte) & 0xff]! ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}
