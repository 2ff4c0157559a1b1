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

/** What `wasm/pixels.ts` exports, which describes it. */
interface Kernels extends WasmModule {
  readonly heap: Constant;
  readonly PADDING: Constant;
  readonly TABLE_BYTES: Constant;
  unstuff(from: number, length: number, first: number, ends: number, parts: number): number;
  buildCodes(table: number, spec: number, largest: number): number;
  buildRuns(table: number, spec: number): void;
  setComponent(
    ...values: [i: number, h: number, v: number, size: number, samples: number, stride: number, ...Tables]
  ): void;
  decodeScan(
    ...values: [count: number, across: number, units: number, restartInterval: number, ...Data]
  ): number;
  upsample(...values: [...Area, across: number, down: number, sums: number, to: number]): void;
  repeat(...values: [...Area, across: number, down: number, to: number]): void;
  toPixels(...values: [...Plane, ...Plane, ...Plane, width: number, height: number, to: number]): void;
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
interface Constant {
  readonly value: number;
}
type Tables = [dc: number, ac: number, quantization: number];
type Data = [first: number, ends: number, parts: number];
type Plane = [at: number, pitch: number];
type Rows = [from: number, pitch: number, length: number, height: number];

/** Where pictures lie while they are computed: the memory of the kernels, which is given out from its beginning to its end. */
export class Workspace {
  readonly kernels = openWasm<Kernels>('pixels');
  #used = this.kernels.heap.value;

  /** Everything in it may be overwritten from now on. */
  clear(): void {
    this.#used = this.kernels.heap.value;
  }

  /** Bytes that hold anything. @returns where they begin */
  allocate(length: number): number {
    const at = this.#used;
    this.#used += Math.ceil(length / SLACK_BYTES) * SLACK_BYTES + SLACK_BYTES;
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
