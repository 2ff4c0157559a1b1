import { RobleError, type SerializedError } from '../../base/errors.js';
import { answerCalls, Moved } from '../../base/process/answer-calls.js';
import { readPlainFileSync } from '../../base/storage/read-file.js';
import { prepareImage } from '../../image/preprocess.js';
import { type Look, lookAt } from '../../image/suggest-shape.js';
import type { PixelOptions } from './to-pixels.js';

/** The thread that converts encoded pictures, one after the other. */
export type ConvertThread = typeof start;

answerCalls(start);

/** A file, or its bytes, and whether to say what it looks like. */
export interface EncodedPicture {
  readonly from: string | Uint8Array;
  readonly isLookedAt: boolean;
}

/** What became of a picture, besides its pixels. */
export type Conversion =
  | { readonly notices: readonly string[]; readonly look?: Look | undefined }
  | { readonly error: SerializedError };

/** @param options how all of its pictures are converted */
function start({ preprocessing, maxPixels, limitName, transpose }: PixelOptions) {
  const { width, height, channels } = preprocessing;
  const size = width * height * channels;
  const convert = async ({ from, isLookedAt }: EncodedPicture, pixels: Uint8Array): Promise<Conversion> => {
    try {
      const encoded = typeof from === 'string' ? readPlainFileSync(from) : from;
      const prepared = await prepareImage(encoded, preprocessing, { maxPixels, limitName, transpose });
      pixels.set(prepared.pixels);
      return { notices: prepared.notices, ...(isLookedAt && { look: await lookAt(encoded) }) };
    } catch (error) {
      return { error: RobleError.from(error).toJSON() };
    }
  };
  return {
    /** Gives the pixels of all, uint8 [count, height, width, channels], zero where there are none, and what became of each. */
    async convert(pictures: readonly EncodedPicture[]) {
      const pixels = new Uint8Array(pictures.length * size);
      const conversions: Conversion[] = [];
      for (const [i, picture] of pictures.entries())
        conversions.push(await convert(picture, pixels.subarray(i * size, (i + 1) * size)));
      return new Moved({ pixels, conversions }, [pixels.buffer]);
    },
  };
}
