import { optional } from '../../base/collections.js';
import { RobleError } from '../../base/errors.js';
import { mapOrdered } from '../../base/map-ordered.js';
import type { Look } from '../../image/look.js';
import { type ConvertedPicture, PictureThreads } from '../../image/picture-threads.js';
import type { EncodedPicture } from '../../image/picture-worker.js';
import type { PreparedSample } from '../dataset/write.js';
import type { BadSample, SourceSample } from '../formats/source.js';
import type { EarlierPicture, ImportWork } from './import-work.js';
import { type PixelOptions, toPixels } from './to-pixels.js';

/** Samples that go to a thread together: asking it costs as much as reading a small picture. */
const BATCH = 64;
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
      /** What an earlier try made of the picture, which was taken. */
      readonly earlier?: EarlierPicture | undefined;
      /** What was made of it now, to go on with: its version, and the notices of its conversion. */
      readonly made?: { readonly version: string; readonly notices: readonly string[] } | undefined;
    };

export interface ConvertOptions extends PixelOptions {
  readonly workers: number;
  /** Knows what an earlier try has made. */
  readonly work: ImportWork;
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
  { workers, work, isLookedAt, check, ...pixelOptions }: ConvertOptions,
): AsyncGenerator<Outcome> {
  const { preprocessing, ...options } = pixelOptions;
  const threads = new PictureThreads(workers);
  const convert = async (batch: readonly Prepared[]): Promise<Outcome[]> => {
    const pictures = batch.flatMap(({ encoded }) => encoded ?? []);
    const earlier = work.isSearched || pictures.length === 0 ? [] : await findEarlier(pictures);
    const asked = pictures.map((picture, i) => (earlier[i] ? { ...picture, stored: earlier[i] } : picture));
    const converted = await threads.prepare({ pictures: asked, preprocessing, options });
    let next = 0;
    const outcomes: (Outcome | Promise<Outcome>)[] = [];
    for (const { item, encoded } of batch) {
      if ('error' in item) outcomes.push(item);
      else if (encoded) outcomes.push(ofConversion(item, converted[next]!, earlier[next++]));
      else outcomes.push(ofPixels(item, pixelOptions));
    }
    return Promise.all(outcomes);
  };
  const findEarlier = async (pictures: readonly EncodedPicture[]) =>
    (await threads.identify(pictures)).map((version) => work.find(version));
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

function ofConversion(
  item: SourceSample,
  converted: ConvertedPicture,
  found: EarlierPicture | undefined,
): Outcome {
  if ('error' in converted) return unusable(item, RobleError.fromJSON(converted.error));
  const { picture } = item;
  const { pixels, version, look } = converted;
  const earlier = converted.isStored ? found : undefined;
  const { notices } = earlier ?? converted;
  const known = picture.kind === 'encoded' ? (picture.notices ?? []) : [];
  return {
    sample: sampleOf(item, { pixels }),
    notices: known.length === 0 ? notices : [...known, ...notices],
    look,
    earlier,
    made: earlier || version === undefined ? undefined : { version, notices },
  };
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
