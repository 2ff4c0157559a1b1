/** Reads the body of a request within its limit, and decodes it (Content-Encoding). */

import type { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { brotliDecompress, gunzip, inflate, inflateRaw, type ZlibOptions } from 'node:zlib';
import type { FastifyRequest } from 'fastify';
import { RobleError } from '../../base/errors.js';
import { askForBody } from './connection.js';

declare module 'fastify' {
  interface FastifyInstance {
    contentDecoder: ContentDecoder;
    /** The key that sets the largest body; undefined for a limit that nothing sets. */
    bodyLimitKey: string | undefined;
  }
}

/**
 * The body of a request, decoded. What its head says of it is checked before it is asked for.
 *
 * @throws {RobleError} `ROBLE_REQUEST_TOO_LARGE`, `ROBLE_CODING_UNSUPPORTED`, `ROBLE_REQUEST_INVALID`,
 *   `ROBLE_REQUEST_ABANDONED`
 */
export async function readBody(request: FastifyRequest, payload: Readable): Promise<Buffer> {
  const limit = { maxBytes: request.routeOptions.bodyLimit, key: request.server.bodyLimitKey };
  const codings = codingsOf(request.headers['content-encoding']);
  const announced = Number(request.headers['content-length'] ?? 0);
  if (announced > limit.maxBytes) throw bodyTooLarge(`${announced} bytes`, limit);
  askForBody(request.raw);
  const body = await collect(payload, limit);
  return codings.length === 0 ? body : request.server.contentDecoder.decode(body, codings, limit);
}

/** What comes after the limit is left to whoever closes the connection. */
function collect(payload: Readable, limit: BodyLimit): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    const stop = () => payload.off('data', take).off('end', finish).off('error', fail);
    const take = (chunk: Buffer) => {
      chunks.push(chunk);
      length += chunk.length;
      if (length <= limit.maxBytes) return;
      stop();
      reject(bodyTooLarge(`${length} bytes or more`, limit));
    };
    const finish = () => {
      stop();
      resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, length));
    };
    const fail = (cause: Error) => {
      stop();
      reject(
        new RobleError('ROBLE_REQUEST_ABANDONED', 'The connection ended before the body did.', { cause }),
      );
    };
    payload.on('data', take).on('end', finish).on('error', fail);
  });
}

/** How large a body may be, and the key that sets it, if one does. */
export interface BodyLimit {
  readonly maxBytes: number;
  readonly key?: string | undefined;
}

/** Names the limit, so that a client knows how much it may send, and its operator what to raise. */
export function bodyTooLarge(received: string, { maxBytes, key }: BodyLimit): RobleError {
  const than = key === undefined ? 'it may be' : `${key} allows`;
  return new RobleError('ROBLE_REQUEST_TOO_LARGE', `The body of the request is larger than ${than}.`, {
    received,
    expected: `at most ${maxBytes} bytes`,
  });
}

/** What bodies may be encoded with (RFC 9110, section 8.4.1). */
export const CODINGS = ['gzip', 'deflate', 'br'] as const;
type Coding = (typeof CODINGS)[number];

/** By their names; "x-gzip" is an old one, which means the same (RFC 9110, section 8.4.1.3). */
const NAMED: ReadonlyMap<string, Coding> = new Map([
  ...CODINGS.map((coding) => [coding, coding] as const),
  ['x-gzip', 'gzip'],
]);

/** More layers than anybody sends; each is decoded by itself. */
const MAX_LAYERS = 4;
/** Bodies that are decoded at a time: what comes out of one may be a thousand times what came in. */
const MAX_AT_ONCE = 4;
const CHUNK_BYTES = 64 * 1024;

interface Decoded {
  readonly buffer: Buffer;
  /** Says how much of the input it took. */
  readonly engine: { readonly bytesWritten: number };
}

/** With `info`, which the types of Node leave out. */
type Decoder = (bytes: Buffer, options: object) => Promise<Decoded>;

const decoders = {
  gzip: promisify(gunzip) as unknown as Decoder,
  zlib: promisify(inflate) as unknown as Decoder,
  raw: promisify(inflateRaw) as unknown as Decoder,
  br: promisify(brotliDecompress) as unknown as Decoder,
};

/**
 * The codings that a header `Content-Encoding` names, in the order in which they were applied.
 *
 * @throws {RobleError} `ROBLE_CODING_UNSUPPORTED` for others than {@link CODINGS}, and for too many of them
 */
export function codingsOf(header: string | undefined): readonly Coding[] {
  if (header === undefined) return [];
  const names = header.split(',').map((name) => name.trim().toLowerCase());
  const applied = names.filter((name) => name !== '' && name !== 'identity');
  const codings = applied.map((name) => NAMED.get(name));
  if (codings.length <= MAX_LAYERS && !codings.includes(undefined)) return codings as Coding[];
  throw new RobleError('ROBLE_CODING_UNSUPPORTED', 'The server cannot decode the body.', {
    received: `content-encoding: ${header}`,
    expected: `${CODINGS.join(', ')}, at most ${MAX_LAYERS} of them, or no content-encoding`,
  });
}

/** Decodes the bodies of a server, a few at a time. */
export class ContentDecoder {
  readonly #decoding = new Semaphore(MAX_AT_ONCE);

  /**
   * The bytes that were encoded.
   *
   * @param limit of what comes out of each layer
   * @throws {RobleError} `ROBLE_REQUEST_INVALID` for a stream that is damaged, cut off or followed by something else;
   *   `ROBLE_REQUEST_TOO_LARGE`
   */
  async decode(encoded: Buffer, codings: readonly Coding[], limit: BodyLimit): Promise<Buffer> {
    if (codings.length === 0) return encoded;
    return this.#decoding.run(async () => {
      let bytes = encoded;
      for (const coding of codings.toReversed()) bytes = await decodeLayer(bytes, coding, limit);
      return bytes;
    });
  }
}

async function decodeLayer(bytes: Buffer, coding: Coding, limit: BodyLimit): Promise<Buffer> {
  const options: ZlibOptions = { info: true, maxOutputLength: limit.maxBytes, chunkSize: CHUNK_BYTES };
  let decoded: Decoded;
  try {
    decoded = await decoderOf(coding, bytes)(bytes, options);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ERR_BUFFER_TOO_LARGE')
      throw bodyTooLarge(`${bytes.length} bytes of ${coding} that become more than the limit`, limit);
    throw damaged(coding, message);
  }
  const rest = bytes.length - decoded.engine.bytesWritten;
  if (rest > 0) throw damaged(coding, `${rest} bytes follow its end`);
  return decoded.buffer;
}

/** Some clients send "deflate" without the frame of zlib, which begins with a number of its own (RFC 1950, section 2.2). */
function decoderOf(coding: Coding, bytes: Buffer): Decoder {
  if (coding !== 'deflate') return decoders[coding];
  const isFramed = bytes.length >= 2 && (bytes[0]! & 0x0f) === 8 && bytes.readUInt16BE(0) % 31 === 0;
  return isFramed ? decoders.zlib : decoders.raw;
}

function damaged(coding: Coding, reason: string): RobleError {
  return new RobleError('ROBLE_REQUEST_INVALID', `The body cannot be decoded: ${reason}.`, {
    received: `content-encoding: ${coding}`,
    expected: `a whole body of ${coding}`,
  });
}

/** Runs a few pieces of work at a time; the others wait in the order in which they came. */
export class Semaphore {
  readonly #waiting: (() => void)[] = [];
  #free: number;

  constructor(atOnce: number) {
    this.#free = atOnce;
  }

  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await work();
    } finally {
      // The next one gets this place directly, so that nobody who comes meanwhile overtakes it.
      const next = this.#waiting.shift();
      if (next) next();
      else this.#free++;
    }
  }
}
