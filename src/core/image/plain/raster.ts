import type { Orientation } from './exif.js';

/** A picture without transparency: uint8 [height, width, channels]; 1 channel: grey, 3: red, green, blue (sRGB). */
export interface Raster {
  readonly pixels: Uint8Array;
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 3;
}

/** Colours of which each has a fourth byte that means nothing, so that four can be read at once: uint8 [height, width, 4]. */
export interface PaddedRaster extends Omit<Raster, 'channels'> {
  readonly channels: 4;
}

/** A picture as a file has it: [height, width, channels + 1] where it has transparency, the last of which is 0 to 255 (opaque). */
export interface Decoded extends Raster {
  readonly hasAlpha: boolean;
}

/** A file whose header was read and that a decoder of this folder takes. */
export interface PlainFile {
  /** As it is stored. */
  readonly width: number;
  readonly height: number;
  readonly orientation: Orientation;
  /**
   * Bytes that decoding goes through, to which its time is in proportion.
   *
   * @param shrink by how much the picture is made smaller afterwards; a decoder may do a part of it
   */
  work(shrink: number): number;
  /** Undefined for a damaged file, which the general decoder judges. */
  decode(shrink: number): Decoded | undefined;
}
