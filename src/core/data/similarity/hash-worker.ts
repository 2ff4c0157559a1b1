import { answerCalls } from '../../base/process/answer-calls.js';
import { hashFeatures, type PictureHashes, reducePictures } from './hash.js';
import { type PictureShape, picturesIn } from './ink.js';

/** The thread that hashes some of many pictures. What it is given lies in shared memory, and so do its results. */
export type HashThread = typeof start;

answerCalls(start);

function start() {
  return {
    reduce: ({ images, which, shape, features }: ReduceRequest) =>
      reducePictures(picturesIn(images, shape), which, shape, features),
    hash: ({ features, hashes }: HashRequest) => hashFeatures(features, hashes),
  };
}

interface ReduceRequest {
  readonly images: Uint8Array;
  readonly which: Uint32Array;
  readonly shape: PictureShape;
  readonly features: Float32Array;
}

interface HashRequest {
  readonly features: Float32Array;
  readonly hashes: PictureHashes;
}
