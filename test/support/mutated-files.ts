import fc from 'fast-check';

/** Numbers at which readers of sizes and counts go wrong. */
const SIZES = [0, 1, 2, 255, 256, 65_535, 65_536, 2 ** 20, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1];
/** What means something in some text format, and what no text format has. */
const TOKENS = [
  ...['"', '""', ',', ';', '\t', '\n', '\r\n', '\r', '\\', '/', '..', '../../', '\0', '\ufeff', '\u{1f600}'],
  ...['{', '}', '[', ']', '[[', 'null', 'NaN', '1e999', '-1', '1e-320', '0.5', '__proto__', 'constructor'],
  ...['e\u0301', 'x'.repeat(10_000), '['.repeat(5000), '9'.repeat(400)],
];

/** A change of a file: `length` bytes from `at` on, counted modulo its size, are replaced. */
export interface Change {
  readonly file: string;
  readonly at: number;
  readonly length: number;
  /** What comes instead: bytes, the number of {@link SIZES} or {@link TOKENS}, what was there twice, or nothing up to the end. */
  readonly by:
    | readonly number[]
    | { readonly size: number; readonly isBig: boolean }
    | { readonly token: number }
    | 'twice'
    | 'end';
}

/** Changes of some of the files, small enough to be read in a report. */
export function changesOf(files: readonly string[]): fc.Arbitrary<Change[]> {
  const by = fc.oneof(
    fc.array(fc.nat(255), { maxLength: 16 }),
    fc.record({ size: fc.nat(SIZES.length - 1), isBig: fc.boolean() }),
    fc.record({ token: fc.nat(TOKENS.length - 1) }),
    fc.constantFrom('twice', 'end'),
  );
  const change = fc.record({ file: fc.constantFrom(...files), at: fc.nat(), length: fc.nat(64), by });
  return fc.array(change, { minLength: 1, maxLength: 6 }) as fc.Arbitrary<Change[]>;
}

/** The files after these changes, one after the other. */
export function changed(files: ReadonlyMap<string, Buffer>, changes: readonly Change[]): Map<string, Buffer> {
  const result = new Map(files);
  for (const change of changes) result.set(change.file, after(result.get(change.file)!, change));
  return result;
}

function after(bytes: Buffer, { at, length, by }: Change): Buffer {
  const start = at % Math.max(bytes.length, 1);
  if (by === 'end') return bytes.subarray(0, start);
  const there = bytes.subarray(start, start + length);
  if (by === 'twice') return Buffer.concat([bytes.subarray(0, start), there, bytes.subarray(start)]);
  const [instead, end] = insteadOf(by, length);
  return Buffer.concat([bytes.subarray(0, start), instead, bytes.subarray(start + end)]);
}

/** What is put there, and how many bytes it takes the place of. */
function insteadOf(by: Exclude<Change['by'], string>, length: number): [Buffer, number] {
  if ('token' in by) return [Buffer.from(TOKENS[by.token]!), length % 5];
  if (!('size' in by)) return [Buffer.from(by), length % 2 === 0 ? by.length : length];
  const number = Buffer.alloc(4);
  if (by.isBig) number.writeUInt32BE(SIZES[by.size]!);
  else number.writeUInt32LE(SIZES[by.size]!);
  return [number, number.length];
}
