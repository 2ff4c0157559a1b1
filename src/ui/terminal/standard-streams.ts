import { writeSync } from 'node:fs';
import { Socket } from 'node:net';
import { Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { RobleError } from '../../core/base/errors.js';
import { errorText } from './error-text.js';

/** Errors of a pipe whose reader left, and of a terminal that was closed: nobody reads any more, so nothing is lost. */
const NOBODY_READS = ['EPIPE', 'ECONNRESET', 'EIO', 'ENXIO', 'EBADF'];

type Done = (error?: Error | null) => void;

/** Thrown when data is written that nobody reads any more: the work ends, without a failure. */
export class ReaderLeft extends Error {
  override readonly name = 'ReaderLeft';
}

/** Standard output or standard error: all that is printed there, by any code, is written whole, or the fault is known. */
class StandardStream {
  readonly #name: string;
  readonly #stream: NodeJS.WriteStream;
  #fault: RobleError | undefined;
  #readerLeft = false;
  /** Whether it is meant for programs, which would mistake messages about the other stream for data. */
  holdsData = false;

  constructor(name: string, stream: NodeJS.WriteStream & { readonly fd: number }) {
    this.#name = name;
    this.#stream = stream;
    const { _write, _writev } = stream as Writable;
    const { fd } = stream;
    const isFile = typeof fd === 'number' && !(stream instanceof Socket);
    // Below `write`, where everything passes, and where an error can be kept from the stream: that would throw it in the
    // middle of the work, or forget it, depending on who else listens.
    stream._write = (chunk: Buffer, encoding: BufferEncoding, done: Done) =>
      this.#pass(done, (written) =>
        isFile ? writeWhole(fd, chunk, written) : _write.call(stream, chunk, encoding, written),
      );
    if (_writev)
      stream._writev = (chunks: { chunk: Buffer; encoding: BufferEncoding }[], done: Done) =>
        this.#pass(done, (written) => _writev.call(stream, chunks, written));
  }

  /** Why something could not be written, once that happened. */
  get fault(): RobleError | undefined {
    return this.#fault;
  }

  /** Whether words that are written here now may reach a person. */
  get isForPeople(): boolean {
    return !(this.holdsData || this.#fault || this.#readerLeft);
  }

  /** A stream for data of any length. It fails where nothing can be written, so that the work behind it ends. */
  open(): Writable {
    this.holdsData = true;
    return new Writable({
      decodeStrings: false,
      write: (chunk, encoding, done) => {
        this.#stream.write(chunk, encoding, () => {
          done(this.#fault ?? (this.#readerLeft ? new ReaderLeft('Nobody reads any more.') : null));
        });
      },
    });
  }

  /** Records an error of other code that writes to the same file descriptor. */
  note(error: NodeJS.ErrnoException): void {
    if (this.#stream instanceof Socket && NOBODY_READS.includes(error.code ?? '')) this.#readerLeft = true;
    else this.#fault ??= faultOf(this.#name, error);
  }

  #pass(done: Done, write: (written: Done) => void): void {
    if (this.#readerLeft) done();
    else
      write((error) => {
        if (error) this.note(error);
        done();
      });
  }
}

/** Node's own stream for files takes the part of a text that fitted for the whole of it. */
function writeWhole(fd: number, chunk: Buffer, done: Done): void {
  try {
    for (let at = 0; at < chunk.length; ) at += writeSync(fd, chunk, at);
    done();
  } catch (error) {
    done(error as Error);
  }
}

function faultOf(name: string, error: NodeJS.ErrnoException): RobleError {
  const { code, message } = error;
  const isFull = code === 'ENOSPC' || code === 'EDQUOT';
  return new RobleError(
    isFull ? 'ROBLE_DISK_FULL' : 'ROBLE_WRITE_FAILED',
    `${name} could not be written whole: ${message}.`,
    {
      nextSteps: [isFull ? 'Free some space, or send it to another place.' : 'Send it to another place.'],
      cause: error,
    },
  );
}

interface StandardStreams {
  readonly output: StandardStream;
  readonly error: StandardStream;
}

let streams: StandardStreams | undefined;

/** The two streams of this process; from the first call on no fault of theirs ends it, or is forgotten at its end. */
export function standardStreams(): StandardStreams {
  if (!streams) {
    streams = {
      output: new StandardStream('Standard output', process.stdout),
      error: new StandardStream('Standard error', process.stderr),
    };
    process.once('exit', reportFaults);
  }
  return streams;
}

/** Waits until all that was printed is out of this process, but not for a reader that stands still. */
export async function flushStandardStreams(limitMs: number): Promise<void> {
  const flushed = [process.stdout, process.stderr].map(
    (stream) => new Promise<void>((resolve) => stream.write('', () => resolve())),
  );
  await Promise.race([Promise.all(flushed), sleep(limitMs, undefined, { ref: false })]);
}

/** Prints what programs read. */
export function printData(text: string): void {
  standardStreams().output.holdsData = true;
  process.stdout.write(text);
}

/** Output that did not arrive is a failure of the command, even if all else went well; the other stream may still report it. */
function reportFaults(): void {
  const { output, error } = standardStreams();
  for (const [{ fault }, other, stream] of [
    [output, error, process.stderr],
    [error, output, process.stdout],
  ] as const) {
    if (!fault) continue;
    process.exitCode = process.exitCode || fault.exitCode;
    if (other.isForPeople) stream.write(errorText(fault, { verbose: false, stream, env: process.env }));
  }
}
