/** How a camera was held: 1 as the picture is seen, 2 to 8 turned or mirrored (EXIF 2.3, tag 0x112). */
export type Orientation = 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8;

const ORIENTATION = 0x112;
const SHORT = 3;
const ENTRY_BYTES = 12;

/**
 * The orientation in EXIF data, from its mark `Exif` on; 1 if it names none.
 *
 * @returns undefined for data in which anything is odd: readers differ in what they make of it
 */
export function orientationOf(exif: Buffer): Orientation | undefined {
  const tiff = exif.subarray(6);
  if (exif.toString('latin1', 0, 6) !== 'Exif\0\0' || tiff.length < 8) return undefined;
  const isLittle = tiff.toString('latin1', 0, 4) === 'II*\0';
  if (!isLittle && tiff.toString('latin1', 0, 4) !== 'MM\0*') return undefined;
  const short = (at: number) => (isLittle ? tiff.readUInt16LE(at) : tiff.readUInt16BE(at));
  const long = (at: number) => (isLittle ? tiff.readUInt32LE(at) : tiff.readUInt32BE(at));
  const directory = long(4);
  if (directory < 8 || directory + 2 > tiff.length) return undefined;
  const count = short(directory);
  if (directory + 2 + count * ENTRY_BYTES > tiff.length) return undefined;
  let orientation: number | undefined;
  for (let entry = directory + 2, i = 0; i < count; i++, entry += ENTRY_BYTES) {
    if (short(entry) !== ORIENTATION) continue;
    if (orientation !== undefined || short(entry + 2) !== SHORT || long(entry + 4) !== 1) return undefined;
    orientation = short(entry + 8);
    if (orientation < 1 || orientation > 8) return undefined;
  }
  return (orientation ?? 1) as Orientation;
}
