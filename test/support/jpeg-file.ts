export interface JpegOptions {
  readonly width: number;
  readonly height: number;
  /** Samples of luma for one of chroma, across and down; undefined: grey. */
  readonly sampling?: readonly [across: number, down: number] | undefined;
  /** Units between two restarts; default 0: none. */
  readonly restartInterval?: number;
  /** EXIF, 1 to 8; default: no EXIF. */
  readonly orientation?: number;
  /** By what all coefficients are multiplied, or each; default 1. */
  readonly step?: number | readonly number[];
  /** The codes of all coefficients but the mean; default those of {@link AC}. */
  readonly codes?: Codes;
  /** The 64 coefficients of a block, as stored: the mean, then along the diagonals. */
  readonly block: (component: number) => ArrayLike<number>;
}

/** How many codes there are of each length, 1 to 16 bits, and what they stand for. */
export interface Codes {
  readonly counts: readonly number[];
  readonly symbols: readonly number[];
}

/** 12 of the same length, and those of ITU-T T.81, K.3.2. */
const DC = { counts: [0, 0, 0, 12, ...Array(12).fill(0)], symbols: Array.from({ length: 12 }, (_, i) => i) };
export const AC: Codes = { counts: [0, 2, 1, 3, 3, 2, 4, 3, 5, 5, 4, 4, 0, 0, 1, 125], symbols: acSymbols() };

/** Frequent ones first, then all others: a run of zeros and the bits of a number. */
function acSymbols(): number[] {
  const first = [0x01, 0x02, 0x03, 0x00, 0x04, 0x11, 0x05, 0x12, 0x21, 0x31, 0x06, 0x13, 0xf0];
  const all = Array.from({ length: 16 }, (_, zeros) =>
    Array.from({ length: 10 }, (_, i) => (zeros << 4) | (i + 1)),
  );
  return [...first, ...all.flat().filter((symbol) => !first.includes(symbol))];
}

/** A sequential JPEG (ITU-T T.81) of the coefficients that it is given. */
export function encodeJpegFile(options: JpegOptions): Buffer {
  const { width, height, sampling, restartInterval = 0, orientation, step = 1, codes = AC } = options;
  const [h, v] = sampling ?? [1, 1];
  const components = sampling ? [h * v, 1, 1] : [1];
  const frame = components.map((_, i) => [i + 1, i === 0 ? (h << 4) | v : 0x11, 0]);
  const scan = components.map((_, i) => [i + 1, 0]);
  return Buffer.concat([
    Buffer.from([0xff, 0xd8]),
    ...(orientation === undefined ? [] : [segment(0xe1, exif(orientation))]),
    segment(0xdb, [0, ...(typeof step === 'number' ? Array(64).fill(step) : step)]),
    segment(0xc0, [8, height >> 8, height, width >> 8, width, components.length, ...frame.flat()]),
    segment(0xc4, [0x00, ...DC.counts, ...DC.symbols, 0x10, ...codes.counts, ...codes.symbols]),
    ...(restartInterval > 0 ? [segment(0xdd, [restartInterval >> 8, restartInterval])] : []),
    segment(0xda, [components.length, ...scan.flat(), 0, 63, 0]),
    scanOf(options, components, Math.ceil(width / (8 * h)) * Math.ceil(height / (8 * v))),
    Buffer.from([0xff, 0xd9]),
  ]);
}

function segment(marker: number, content: readonly number[]): Buffer {
  const length = content.length + 2;
  return Buffer.from([0xff, marker, length >> 8, length, ...content]);
}

/** EXIF 2.3 with one entry. */
function exif(orientation: number): number[] {
  const entry = [1, 0x12, 0, 3, 0, 0, 0, 1, 0, orientation, 0, 0];
  return [...Buffer.from('Exif\0\0MM\0*\0\0\0\b'), 0, 1, ...entry, 0, 0, 0, 0];
}

function scanOf(
  { restartInterval = 0, codes = AC, block }: JpegOptions,
  components: readonly number[],
  units: number,
): Buffer {
  const bits = new BitWriter();
  let means = components.map(() => 0);
  for (let unit = 0; unit < units; unit++) {
    if (restartInterval > 0 && unit > 0 && unit % restartInterval === 0) {
      bits.mark(0xd0 + ((unit / restartInterval - 1) % 8));
      means = components.map(() => 0);
    }
    for (const [component, blocks] of components.entries())
      for (let i = 0; i < blocks; i++) {
        const values = block(component);
        bits.number(DC, 0, values[0]! - means[component]!);
        means[component] = values[0]!;
        let zeros = 0;
        for (let k = 1; k < 64; k++) {
          if (values[k] === 0) zeros += 1;
          else {
            for (; zeros > 15; zeros -= 16) bits.code(codes, 0xf0);
            bits.number(codes, zeros, values[k]!);
            zeros = 0;
          }
        }
        if (zeros > 0) bits.code(codes, 0);
      }
  }
  return bits.end();
}

class BitWriter {
  readonly #bytes: number[] = [];
  #bits = 0;
  #count = 0;

  /** A symbol of some zeros and a size, then a number of that size. */
  number(codes: Codes, zeros: number, value: number): void {
    const size = 32 - Math.clz32(Math.abs(value));
    this.code(codes, (zeros << 4) | size);
    this.#put(value < 0 ? value + (1 << size) - 1 : value, size);
  }

  code({ counts, symbols }: Codes, symbol: number): void {
    let code = 0;
    let index = 0;
    for (const [i, count] of counts.entries()) {
      const place = symbols.indexOf(symbol, index) - index;
      if (place >= 0 && place < count) {
        this.#put(code + place, i + 1);
        return;
      }
      code = (code + count) << 1;
      index += count;
    }
    throw new Error(`No code for ${symbol}.`);
  }

  mark(marker: number): void {
    this.#fill();
    this.#bytes.push(0xff, marker);
  }

  end(): Buffer {
    this.#fill();
    return Buffer.from(this.#bytes);
  }

  #fill(): void {
    if (this.#count > 0) this.#put((1 << (8 - this.#count)) - 1, 8 - this.#count);
  }

  #put(value: number, size: number): void {
    for (let i = size - 1; i >= 0; i--) {
      this.#bits = ((this.#bits << 1) | ((value >> i) & 1)) & 0xff;
      this.#count += 1;
      if (this.#count < 8) continue;
      this.#bytes.push(this.#bits);
      if (this.#bits === 0xff) this.#bytes.push(0);
      this.#count = 0;
    }
  }
}
