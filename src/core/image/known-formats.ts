export const PNG_SIGNATURE = '\x89PNG\r\n\x1a\n';

export const ascii = (bytes: Uint8Array, start: number, end: number): string =>
  String.fromCharCode(...bytes.subarray(start, end));

/** Beginnings of files of pixels. */
const PIXEL_FORMATS: readonly (readonly [name: string, beginning: RegExp])[] = [
  ['a PNG', new RegExp(`^${PNG_SIGNATURE}`)],
  ['a JPEG', /^\xff\xd8\xff/],
  ['a GIF', /^GIF8/],
  ['a WebP', /^RIFF[\s\S]{4}WEBP/],
  ['a TIFF', /^(II[*+]\0|MM\0[*+])/],
  ['an AVIF', /^[\s\S]{4}ftyp/],
];

/**
 * The format of pixels as which a file begins, such as "a PNG". SVG is none: it is a program, which can draw a billion shapes
 * with a few lines, and a decoder's other loaders are made for trusted files.
 */
export function pixelFormat(bytes: Uint8Array): string | undefined {
  const start = ascii(bytes, 0, 12);
  return PIXEL_FORMATS.find(([, beginning]) => beginning.test(start))?.[0];
}

/** A file format that is recognised by its first bytes, and that cannot be read. */
export interface UnreadFormat {
  /** With its article, such as "a BMP picture". */
  readonly name: string;
  /** What to do with such a file. */
  readonly advice: string;
  /** Whether it holds a still picture, unlike a film, a document or an archive. */
  readonly isPicture: boolean;
}

const CONVERT = 'convert it to PNG or JPEG';
const UNPACK = 'unpack it';
const EXPORT_PAGE = 'export its page as PNG';
const SAVE_FRAME = 'save the frame that you mean as PNG';
const WEB_PAGE = /^\s*<(!doctype html|html|head|body)\b/i;

/** Beginnings of files in hexadecimal digits, with a dot for any digit. */
const BEGINNINGS: readonly (readonly [beginnings: string, name: string, advice: string])[] = [
  ['424d........00000000', 'a BMP picture', CONVERT],
  ['00000[12]00..00', 'an icon or cursor of Windows', CONVERT],
  [`ff0a|0000000c${hex('JXL ')}0d0a870a`, 'a JPEG XL picture', CONVERT],
  [`0000000c${hex('jP  ')}0d0a870a|ff4fff51`, 'a JPEG 2000 picture', CONVERT],
  [`${hex('II')}bc01`, 'a JPEG XR picture', CONVERT],
  [`${hex('8BPS')}|${hex('8BPB')}`, 'a Photoshop file', CONVERT],
  [hex('gimp xcf'), 'a GIMP file', CONVERT],
  ['503[1-7](0[9ad]|20)', 'a PNM picture', CONVERT],
  ['50[46]6(0[9ad]|20)', 'a PFM picture', CONVERT],
  [hex('qoif'), 'a QOI picture', CONVERT],
  [hex('DDS '), 'a DDS texture', CONVERT],
  ['762f3101', 'an OpenEXR picture', CONVERT],
  [`${hex('#?RADIANCE')}|${hex('#?RGBE')}`, 'a Radiance picture', CONVERT],
  [hex('SIMPLE  ='), 'a FITS picture', CONVERT],
  ['01da0[01]0[12]', 'an SGI picture', CONVERT],
  [
    `${hex('FUJIFILMCCD-RAW')}|${hex('IIU')}00|${hex('II')}1a000000${hex('HEAPCCDR')}|${hex('II*')}00........${hex('CR')}`,
    'a raw picture of a camera',
    CONVERT,
  ],
  [hex('FLIF'), 'a FLIF picture', CONVERT],
  [`${hex('BPG')}fb`, 'a BPG picture', CONVERT],
  [`d7cdc69a|01000000.{72}${hex(' EMF')}`, 'a metafile of Windows', CONVERT],
  [hex('%PDF'), 'a PDF document', EXPORT_PAGE],
  [`${hex('%!PS')}|c5d0d3c6`, 'a PostScript document', EXPORT_PAGE],
  [hex('AT&TFORM'), 'a DjVu document', EXPORT_PAGE],
  ['1a45dfa3', 'a Matroska or WebM film', SAVE_FRAME],
  [`${hex('RIFF')}........${hex('AVI ')}`, 'an AVI film', SAVE_FRAME],
  [`${hex('PK')}0304`, 'a ZIP archive', UNPACK],
  ['1f8b', 'a gzip file', UNPACK],
  [hex('BZh'), 'a bzip2 file', UNPACK],
  [`fd${hex('7zXZ')}00`, 'an xz file', UNPACK],
  ['28b52ffd', 'a zstd file', UNPACK],
  [`${hex('7z')}bcaf271c`, 'a 7z archive', UNPACK],
  [`${hex('Rar!')}1a07`, 'a RAR archive', UNPACK],
  [hex('PAR1'), 'a Parquet file', 'import it with "roble data:import"'],
  [hex('version https://git-lfs'), 'a pointer of Git LFS', 'fetch what it stands for: "git lfs pull"'],
];

function hex(text: string): string {
  return Buffer.from(text, 'latin1').toString('hex');
}

const PHONE = 'convert it to JPEG or PNG, or let the phone take JPEG';
/** Names of the content of ISO base media files. */
const BRANDS: readonly (readonly [brands: readonly string[], name: string, advice: string])[] = [
  [
    ['heic', 'heix', 'heim', 'heis', 'hevc', 'hevx', 'hevm', 'hevs', 'mif1', 'msf1', 'mif2'],
    'a HEIC picture, as phones take them',
    PHONE,
  ],
  [['crx '], 'a raw picture of a camera', CONVERT],
  [['qt  ', 'isom', 'iso2', 'mp41', 'mp42', 'avc1', 'M4V ', '3gp4', '3gp5'], 'a film', SAVE_FRAME],
];

const format = (name: string, advice: string): UnreadFormat => ({
  name,
  advice,
  isPicture: advice === CONVERT || advice === PHONE,
});

/** The format of a file, if it is a known one that cannot be read; undefined for all others. */
export function unreadFormat(bytes: Uint8Array): UnreadFormat | undefined {
  const start = Buffer.from(bytes.subarray(0, 256)).toString('latin1');
  if (start.slice(4, 8) === 'ftyp') return byBrand(start);
  if (WEB_PAGE.test(start)) return format('a web page', 'download the picture itself');
  const digits = hex(start);
  const found = BEGINNINGS.find(([beginnings]) => new RegExp(`^(${beginnings})`).test(digits));
  return found && format(found[1], found[2]);
}

function byBrand(start: string): UnreadFormat | undefined {
  const length = Math.min(Buffer.from(start, 'latin1').readUInt32BE(0), start.length);
  const compatible = start.slice(16, length).match(/[\s\S]{4}/g) ?? [];
  const brands = [start.slice(8, 12), ...compatible];
  if (brands.includes('avif') || brands.includes('avis')) return undefined;
  const found = BRANDS.find(([names]) => brands.some((brand) => names.includes(brand)));
  return found && format(found[1], found[2]);
}
