/**
 * What the bytes of an image file say about themselves, read without decoding. It tells a file that was cut off from
 * one that is damaged, and finds the frames of an animated PNG, which libpng does not show.
 */

const ascii = (bytes: Uint8Array, start: number, end: number): string =>
  String.fromCharCode(...bytes.subarray(start, end));

const PNG = '\x89PNG\r\n\x1a\n';

/** Whether the file is of a known container format and ends before that container does. */
export function endsEarly(bytes: Uint8Array): boolean {
  if (ascii(bytes, 0, 8) === PNG) return !hasPngChunk(bytes, 'IEND');
  if (bytes[0] === 0xff && bytes[1] === 0xd8) return !hasJpegEnd(bytes);
  if (ascii(bytes, 0, 4) === 'GIF8') return bytes[bytes.length - 1] !== 0x3b;
  if (ascii(bytes, 0, 4) === 'RIFF')
    return bytes.length < 8 || view(bytes).getUint32(4, true) + 8 > bytes.length;
  if (ascii(bytes, 4, 8) === 'ftyp') return !endsWithBox(bytes);
  return bytes.length < PNG.length && PNG.startsWith(ascii(bytes, 0, bytes.length));
}

/**
 * Whether a file begins as one of pixels does: PNG, JPEG, GIF, WebP, TIFF, AVIF. An SVG is a program, which can make a few
 * lines draw a billion shapes, and other loaders that a decoder may have are made for files that one trusts.
 */
export function isPixelImage(bytes: Uint8Array): boolean {
  const start = ascii(bytes, 0, 12);
  return (
    start.startsWith(PNG) ||
    start.startsWith('\xff\xd8\xff') ||
    start.startsWith('GIF8') ||
    (start.startsWith('RIFF') && start.endsWith('WEBP')) ||
    /^(II[*+]\0|MM\0[*+])/.test(start) ||
    start.slice(4, 8) === 'ftyp'
  );
}

/** Whether a PNG announces an animation (the `acTL` chunk of the APNG extension). */
export function isAnimatedPng(bytes: Uint8Array): boolean {
  return ascii(bytes, 0, 8) === PNG && hasPngChunk(bytes, 'acTL');
}

function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Walks the chunks (length, type, data, checksum); a chunk counts only when all its bytes are there. */
function hasPngChunk(bytes: Uint8Array, type: string): boolean {
  const data = view(bytes);
  for (let at = 8; at + 12 <= bytes.length; ) {
    const end = at + 12 + data.getUint32(at);
    if (end <= bytes.length && ascii(bytes, at + 4, at + 8) === type) return true;
    at = end;
  }
  return false;
}

/** The end marker, looked for from the back because cameras append data behind it. */
function hasJpegEnd(bytes: Uint8Array): boolean {
  for (let at = bytes.length - 2; at >= 2; at--)
    if (bytes[at] === 0xff && bytes[at + 1] === 0xd9) return true;
  return false;
}

/** HEIF and AVIF: boxes with their sizes in front; size 0 means up to the end of the file. */
function endsWithBox(bytes: Uint8Array): boolean {
  const data = view(bytes);
  let at = 0;
  while (at + 8 <= bytes.length) {
    const size = data.getUint32(at);
    if (size === 0) return true;
    const length = size === 1 && at + 16 <= bytes.length ? Number(data.getBigUint64(at + 8)) : size;
    if (length < 8) return false;
    at += length;
  }
  return at === bytes.length;
}
