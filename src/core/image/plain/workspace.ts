import type { PixelShape } from '../settings.js';
import type { Raster } from './raster.js';
import { openWasm, type WasmModule } from './wasm-module.js';

/** Memory that follows what is passed to a kernel. */
const SLACK_BYTES = 16;
const PAGE_BYTES = 65_536;

/**
 * A picture in a workspace: uint8 [height, pitch], of which [height, width * channels] counts. Channels: 1 grey, 2 grey and
 * transparency, 3 red, green, blue, 4 these and transparency, or a byte that means nothing.
 */
export interface Surface extends PixelShape {
  readonly at: number;
  /** Bytes from a row to the next. */
  readonly pitch: number;
}

/** The functions of `wasm/pixels.ts`, which describes them. */
interface Kernels extends WasmModule {
  unfilter(rows: number, stride: number, height: number, pixelBytes: number, above: number): number;
  lookUp(...values: [...Area, depth: number, table: number, bytes: number, to: number]): number;
  flatten(...values: [...Area, background: number]): void;
  flattenGrey(...values: [...Area, background: number, to: number]): void;
  isGrey(...values: [...Area, bytes: number]): number;
  toGrey(rgb: number, count: number, shares: number, greys: number, to: number): void;
  copyPixels(...values: [...Area, bytes: number, to: number, kept: number]): void;
  transpose(...values: [...Area, bytes: number, to: number]): void;
  average(...values: [...Rows, box: number, to: number]): void;
  resample(...values: [...Rows, sums: number, taps: number, size: number, to: number]): void;
}
type Area = [at: number, pitch: number, width: number, height: number];
type Rows = [from: number, pitch: number, length: number, height: number];

/** Where pictures lie while they are computed: the memory of the kernels, which is given out from its beginning to its end. */
export class Workspace {
  readonly kernels = openWasm<Kernels>('pixels');
  #used = 0;

  /** Everything in it may be overwritten from now on. */
  clear(): void {
    this.#used = 0;
  }

  /** Bytes that hold anything. @returns where they begin */
  allocate(length: number): number {
    const at = this.#used;
    this.#used += length + SLACK_BYTES;
    const { memory } = this.kernels;
    const missing = this.#used - memory.buffer.byteLength;
    if (missing > 0) memory.grow(Math.ceil(missing / PAGE_BYTES));
    return at;
  }

  /** Valid until something is allocated. */
  bytes(at: number, length: number): Uint8Array {
    return new Uint8Array(this.kernels.memory.buffer, at, length);
  }

  /** A copy of bytes. @returns where it begins */
  put({ buffer, byteOffset, byteLength }: ArrayBufferView): number {
    const at = this.allocate(byteLength);
    this.bytes(at, byteLength).set(new Uint8Array(buffer, byteOffset, byteLength));
    return at;
  }

  /** A copy of a picture: uint8 [height, width, channels] */
  place(pixels: Uint8Array, { width, height, channels }: PixelShape): Surface {
    return { at: this.put(pixels), pitch: width * channels, width, height, channels };
  }

  /** Memory for a picture, with rows one after the other. */
  surface(width: number, height: number, channels: Surface['channels']): Surface {
    const pitch = width * channels;
    return { at: this.allocate(height * pitch), pitch, width, height, channels };
  }

  /** The first channels of a picture, with rows one after the other. */
  kept(picture: Surface, channels: Surface['channels']): Surface {
    const result = this.surface(picture.width, picture.height, channels);
    this.kernels.copyPixels(...area(picture), picture.channels, result.at, channels);
    return result;
  }

  /** A copy of a picture without transparency, outside of the workspace. */
  raster(picture: Surface): Raster {
    const { width, height } = picture;
    const channels = picture.channels === 1 ? 1 : 3;
    const isPacked = picture.channels === channels && picture.pitch === width * channels;
    const { at } = isPacked ? picture : this.kept(picture, channels);
    return { pixels: this.bytes(at, width * height * channels).slice(), width, height, channels };
  }
}

/** As kernels take a picture. */
export function area({ at, pitch, width, height }: Surface): Area {
  return [at, pitch, width, height];
}

/** This thread's workspace. Nothing stays in it from a picture to the next: it only saves memory from being taken anew. */
let workspace: Workspace | undefined;

/** The workspace of this thread, cleared. */
export function clearedWorkspace(): Workspace {
  workspace ??= new Workspace();
  workspace.clear();
  return workspace;
}
