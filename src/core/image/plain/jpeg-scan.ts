import type { JpegHeader } from './jpeg-header.js';
import type { Surface, Workspace } from './workspace.js';

/** Samples on a side of what a block of 8x8 becomes. */
export type BlockSize = 1 | 2 | 4 | 8;

/** The largest symbol of a table for means: bits of a number. */
const MOST_MEAN_BITS = 15;

/**
 * Decodes the scan of a JPEG; see `wasm/jpeg/scan.ts`.
 *
 * @param sizes for each component
 * @returns the samples of each component, with those beyond the picture; undefined for data that is damaged, or in which anything
 *   is odd
 */
export function decodeScan(
  space: Workspace,
  file: Uint8Array,
  header: JpegHeader,
  sizes: readonly BlockSize[],
): Surface[] | undefined {
  const { kernels } = space;
  const { width, height, components, restartInterval } = header;
  const across = Math.ceil(width / (8 * Math.max(...components.map(({ h }) => h))));
  const down = Math.ceil(height / (8 * Math.max(...components.map(({ v }) => v))));
  const units = across * down;
  const parts = restartInterval > 0 ? Math.ceil(units / restartInterval) : 1;
  const data = entropyCoded(space, file.subarray(header.scanStart), parts);
  if (!data) return undefined;
  const tables = new Tables(space);
  const planes: Surface[] = [];
  for (const [i, { h, v, quantization, dcTable, acTable }] of components.entries()) {
    const size = sizes[i]!;
    const dc = tables.build(dcTable, MOST_MEAN_BITS);
    const ac = tables.build(acTable);
    if (!dc || !ac) return undefined;
    if (size === 1) tables.buildRuns(acTable);
    const plane = space.surface(across * h * size, down * v * size, 1);
    planes.push(plane);
    kernels.setComponent(i, h, v, size, plane.at, plane.pitch, dc, ac, space.put(quantization));
  }
  const count = components.length;
  const isWhole = kernels.decodeScan(count, across, units, restartInterval, data.first, data.ends, parts);
  return isWhole ? planes : undefined;
}

interface EntropyCoded {
  /** Where the first byte lies; the next one lies below it. */
  readonly first: number;
  /** Where the ends of the parts between restarts lie. */
  readonly ends: number;
}

/** The compressed data up to the end marker; undefined unless it is in so many parts. */
function entropyCoded(space: Workspace, rest: Uint8Array, parts: number): EntropyCoded | undefined {
  const { kernels } = space;
  // Each part ends with a marker.
  if (2 * parts > rest.length) return undefined;
  const from = space.put(rest);
  const length = rest.length + kernels.PADDING.value;
  const first = space.allocate(length) + length - 1;
  const ends = space.allocate(4 * parts);
  return kernels.unstuff(from, rest.length, first, ends, parts) ? { first, ends } : undefined;
}

/** The Huffman tables of a scan, each of which is built once. */
class Tables {
  readonly #space: Workspace;
  readonly #built = new Map<Uint8Array, number>();
  readonly #withRuns = new Set<number>();

  constructor(space: Workspace) {
    this.#space = space;
  }

  /** @param largest symbol that it may have @returns where it lies; undefined for counts that are no code */
  build(spec: Uint8Array, largest = 255): number | undefined {
    const built = this.#built.get(spec);
    if (built !== undefined) return built;
    const { kernels } = this.#space;
    const table = this.#space.allocate(kernels.TABLE_BYTES.value);
    if (!kernels.buildCodes(table, this.#space.put(spec), largest)) return undefined;
    this.#built.set(spec, table);
    return table;
  }

  /** What passes over the coefficients of blocks. */
  buildRuns(spec: Uint8Array): void {
    const table = this.#built.get(spec)!;
    if (this.#withRuns.has(table)) return;
    this.#withRuns.add(table);
    this.#space.kernels.buildRuns(table, this.#space.put(spec));
  }
}
