import { optional } from '../../base/collections.js';
import { RobleError } from '../../base/errors.js';
import { mapOrdered } from '../../base/map-ordered.js';
import { type RunningWorker, startThread } from '../../base/process/workers.js';
import type { Look } from '../../image/suggest-shape.js';
import type { PreparedSample } from '../dataset/write.js';
import type { BadSample, SourceSample } from '../formats/source.js';
import type { Conversion, ConvertThread, EncodedPicture } from './convert-worker.js';
import { type PixelOptions, toPixels } from './to-pixels.js';

/** Samples that go to a thread together: asking it costs as much as reading a small picture. */
const BATCH = 32;
/** Bytes of pictures that are in memory, as those of an archive's table, after which a batch is full. */
const BATCH_BYTES = 4 << 20;
/** Batches that are on their way to each thread, so that it never waits. */
const BATCHES_AHEAD = 2;

/** A sample as pixels, or why it cannot be used. */
export type Outcome =
  | BadSample
  | {
      readonly sample: PreparedSample;
      readonly notices: readonly string[];
      readonly look?: Look | undefined;
    };

export interface ConvertOptions extends PixelOptions {
  readonly workers: number;
  /** Asked once for each encoded picture, in their order: whether to say what it looks like. */
  readonly isLookedAt: () => boolean;
  /** @throws {RobleError} for a sample whose label cannot be used */
  readonly check: (sample: SourceSample) => void;
}

/**
 * Samples with their pictures as pixels, in the order of the input: encoded pictures are read and decoded on threads, several
 * batches ahead of what is asked for. How many threads there are changes nothing else.
 *
 * @throws {RobleError} what is wrong with more than one sample
 */
export async function* convertSamples(
  items: AsyncIterable<SourceSample | BadSample>,
  { workers, isLookedAt, check, ...pixelOptions }: ConvertOptions,
): AsyncGenerator<Outcome> {
  const threads = new Threads(workers, pixelOptions);
  const convert = async (batch: readonly Prepared[]): Promise<Outcome[]> => {
    const encoded = await threads.convert(batch.flatMap(({ encoded }) => encoded ?? []));
    let next = 0;
    return Promise.all(
      batch.map(({ item, encoded: isEncoded }) => {
        if ('error' in item) return item;
        return isEncoded ? ofConversion(item, encoded[next++]!) : ofPixels(item, pixelOptions);
      }),
    );
  };
  const prepare = (item: SourceSample | BadSample): Prepared => {
    if ('error' in item) return { item };
    try {
      check(item);
    } catch (error) {
      return { item: unusable(item, error) };
    }
    const { picture } = item;
    return picture.kind === 'encoded'
      ? { item, encoded: { from: picture.from, isLookedAt: isLookedAt() } }
      : { item };
  };
  try {
    for await (const outcomes of mapOrdered(inBatches(items, prepare), workers * BATCHES_AHEAD, convert))
      yield* outcomes;
  } finally {
    await threads.close();
  }
}

interface Prepared {
  readonly item: SourceSample | BadSample;
  readonly encoded?: EncodedPicture;
}

async function* inBatches(
  items: AsyncIterable<SourceSample | BadSample>,
  prepare: (item: SourceSample | BadSample) => Prepared,
): AsyncGenerator<Prepared[]> {
  let batch: Prepared[] = [];
  let bytes = 0;
  for await (const item of items) {
    const prepared = prepare(item);
    batch.push(prepared);
    const { from } = prepared.encoded ?? {};
    if (from instanceof Uint8Array) bytes += from.length;
    if (batch.length < BATCH && bytes < BATCH_BYTES) continue;
    yield batch;
    batch = [];
    bytes = 0;
  }
  if (batch.length > 0) yield batch;
}

type Converted = Conversion & { readonly pixels: Uint8Array };

function ofConversion(item: SourceSample, converted: Converted): Outcome {
  if ('error' in converted) return unusable(item, RobleError.fromJSON(converted.error));
  const { picture } = item;
  const { pixels, notices, look } = converted;
  const known = picture.kind === 'encoded' ? (picture.notices ?? []) : [];
  return { sample: sampleOf(item, { pixels }), notices: [...known, ...notices], look };
}

async function ofPixels(item: SourceSample, options: PixelOptions): Promise<Outcome> {
  try {
    const { notices, ...content } = await toPixels(item.picture, options);
    return { sample: sampleOf(item, content), notices };
  } catch (error) {
    return unusable(item, error);
  }
}

/** Only what is wrong with this one sample makes it unusable; raw pixels of a source are all of one kind. */
function unusable({ source, picture }: SourceSample, thrown: unknown): BadSample {
  const error = RobleError.from(thrown);
  if (error.kind !== 'user' || picture.kind === 'pixels') throw error;
  return { source, error };
}

function sampleOf(
  { source, label, group, split }: SourceSample,
  content: Pick<PreparedSample, 'pixels' | 'strokes'>,
): PreparedSample {
  return { source, label, ...content, ...optional('group', group), ...optional('split', split) };
}

/** Threads that are started one by one, as batches come: a small import needs one. */
class Threads {
  readonly #threads: { readonly thread: RunningWorker<ConvertThread>; waiting: number }[] = [];
  readonly #count: number;
  readonly #options: PixelOptions;

  constructor(count: number, options: PixelOptions) {
    this.#count = count;
    this.#options = options;
  }

  async convert(pictures: readonly EncodedPicture[]): Promise<Converted[]> {
    if (pictures.length === 0) return [];
    const chosen = this.#idlest();
    chosen.waiting++;
    const move = pictures.flatMap(({ from }) => (typeof from === 'string' ? [] : ownBuffer(from)));
    const { pixels, conversions } = await chosen.thread
      .call('convert', pictures, { move })
      .finally(() => chosen.waiting--);
    const size = pixels.length / pictures.length;
    return conversions.map((conversion, i) => ({
      ...conversion,
      pixels: pixels.subarray(i * size, (i + 1) * size),
    }));
  }

  #idlest() {
    const [idlest] = this.#threads.toSorted((a, b) => a.waiting - b.waiting);
    if (idlest && (idlest.waiting === 0 || this.#threads.length === this.#count)) return idlest;
    const file = new URL('./convert-worker.js', import.meta.url);
    const thread = startThread<ConvertThread>(file, this.#options, { name: 'A thread of pictures' });
    const started = { thread, waiting: 0 };
    this.#threads.push(started);
    return started;
  }

  async close(): Promise<void> {
    await Promise.all(this.#threads.map(({ thread }) => thread.kill()));
  }
}

/** The buffer of bytes that nobody else has a part of. */
function ownBuffer({ buffer, byteLength }: Uint8Array): ArrayBuffer[] {
  return buffer instanceof ArrayBuffer && buffer.byteLength === byteLength ? [buffer] : [];
}
