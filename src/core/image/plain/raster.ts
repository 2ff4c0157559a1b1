/** A picture without transparency: uint8 [height, width, channels]; 1 channel: grey, 3: red, green, blue (sRGB). */
export interface Raster {
  readonly pixels: Uint8Array;
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 3;
}
