import {
  copyPictures,
  type PackedPictures,
  type PicturesInMemory,
} from '../../src/core/data/dataset/pictures.js';

/** Pictures of `size` bytes each, one behind the other, as those of a split in memory. */
export function packed(pixels: Uint8Array, size: number): PicturesInMemory {
  const images = new Uint8Array(new SharedArrayBuffer(pixels.length));
  images.set(pixels);
  return { count: pixels.length / size, size, images };
}

/** All pictures of a split, one behind the other. */
export function pixelsOf({ pictures }: { readonly pictures: PackedPictures }): Uint8Array {
  return copyPictures(pictures, 0, pictures.count);
}
