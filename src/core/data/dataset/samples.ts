import type { LoadedSplit } from './format.js';

/** Some samples of a split, in the order given; their strokes are left out. */
export function samplesAt({ images, labels, count }: LoadedSplit, samples: ArrayLike<number>): LoadedSplit {
  const size = images.length / count;
  const some = {
    count: samples.length,
    images: new Uint8Array(new SharedArrayBuffer(samples.length * size)),
    labels: new Uint16Array(new SharedArrayBuffer(samples.length * Uint16Array.BYTES_PER_ELEMENT)),
  };
  for (let i = 0; i < samples.length; i++) {
    const sample = samples[i]!;
    some.images.set(images.subarray(sample * size, (sample + 1) * size), i * size);
    some.labels[i] = labels[sample]!;
  }
  return some;
}
