/** The thread that reads and decodes pictures, one after the other. */
import { RobleError, type SerializedError } from '../base/errors.js';
import { answerCalls, Moved } from '../base/process/answer-calls.js';
import { readPlainFileSync } from '../base/storage/read-file.js';
import { type PreprocessOptions, prepareImage, preprocessImage } from './preprocess.js';
import type { Preprocessing } from './settings.js';
import { type Look, lookAt } from './suggest-shape.js';

export type PictureThread = typeof start;

answerCalls(start);

/** A file, or its bytes, and whether to say what it looks like. */
export interface EncodedPicture {
  readonly from: string | Uint8Array;
  readonly isLookedAt?: boolean;
}

export interface PictureBatch {
  readonly pictures: readonly EncodedPicture[];
  readonly preprocessing: Preprocessing;
  readonly options: PreprocessOptions;
}

interface PictureRequest extends Omit<PictureBatch, 'pictures'> {
  readonly encoded: Uint8Array;
}

/** What became of a picture, besides its pixels. */
export type Conversion =
  | { readonly notices: readonly string[]; readonly look?: Look | undefined }
  | { readonly error: SerializedError };

function start() {
  return {
    /** Gives the pixels, uint8 [height, width, channels]. */
    preprocess: ({ encoded, preprocessing, options }: PictureRequest) =>
      preprocessImage(encoded, preprocessing, options),

    /** Gives the pixels of all, uint8 [count, height, width, channels], zero where there are none, and what became of each. */
    async prepare({ pictures, preprocessing, options }: PictureBatch) {
      const { width, height, channels } = preprocessing;
      const size = width * height * channels;
      const pixels = new Uint8Array(pictures.length * size);
      const conversions: Conversion[] = [];
      for (const [i, { from, isLookedAt }] of pictures.entries())
        try {
          const encoded = typeof from === 'string' ? readPlainFileSync(from) : from;
          const prepared = await prepareImage(encoded, preprocessing, options);
          pixels.set(prepared.pixels, i * size);
          conversions.push({ notices: prepared.notices, ...(isLookedAt && { look: await lookAt(encoded) }) });
        } catch (error) {
          conversions.push({ error: RobleError.from(error).toJSON() });
        }
      return new Moved({ pixels, conversions }, [pixels.buffer]);
    },
  };
}
