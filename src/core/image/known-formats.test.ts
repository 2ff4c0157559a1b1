import { expect, it } from 'vitest';
import { inspectImage } from './decode.js';
import { unreadFormat } from './known-formats.js';

const latin1 = (text: string) => Buffer.from(text, 'latin1');
const ftyp = (major: string, ...compatible: string[]) => {
  const brands = latin1(`${major}\0\0\0\0${compatible.join('')}`);
  const size = Buffer.alloc(4);
  size.writeUInt32BE(8 + brands.length);
  return Buffer.concat([size, latin1('ftyp'), brands, Buffer.alloc(64)]);
};

it.each<[name: RegExp, bytes: Buffer]>([
  [/HEIC/, ftyp('heic', 'mif1', 'heic')],
  [/HEIC/, ftyp('mif1', 'mif1', 'heic')],
  [/HEIC/, ftyp('msf1', 'hevc')],
  [/film/, ftyp('isom', 'isom', 'avc1')],
  [/camera/, ftyp('crx ', 'crx ')],
  [/BMP/, Buffer.concat([latin1('BM\x46\0\0\0\0\0\0\0\x36\0\0\0'), Buffer.alloc(60)])],
  [/JPEG XL/, latin1('\xff\x0a\x10\x20rest')],
  [/JPEG 2000/, latin1('\0\0\0\x0cjP  \r\n\x87\n')],
  [/icon/, latin1('\0\0\x01\0\x01\0\x10\x10')],
  [/Photoshop/, latin1('8BPS\0\x01')],
  [/PNM/, latin1('P5 2 2 255\n1234')],
  [/camera/, latin1('II*\0\x10\0\0\0CR\x02\0')],
  [/PDF/, latin1('%PDF-1.7')],
  [/gzip/, latin1('\x1f\x8b\x08\0')],
  [/ZIP/, latin1('PK\x03\x04')],
  [/web page/, latin1('\n <!DOCTYPE html><html>Not found</html>')],
  [/Git LFS/, latin1('version https://git-lfs.github.com/spec/v1\noid sha256:0\n')],
])('names %s, and says what to do', async (name, bytes) => {
  const thrown = await inspectImage(bytes, { maxPixels: 1e6 }).catch((error) => error);
  expect(thrown.code).toBe('ROBLE_IMAGE_UNSUPPORTED');
  expect(thrown.message).toMatch(/ which is not read: \w/);
  expect(thrown.message).toMatch(name);
});

it('names nothing that is read, nor what it does not know', () => {
  for (const bytes of [
    ...[ftyp('avif', 'avif', 'mif1'), ftyp('mif1', 'avif', 'heic')],
    ...[
      '\x89PNG\r\n\x1a\n',
      '\xff\xd8\xff\xe0',
      'GIF89a',
      'RIFF\0\0\0\0WEBP',
      'II*\0\x08\0\0\0',
      'MM\0*',
    ].map(latin1),
    ...['<svg xmlns="http://www.w3.org/2000/svg"/>', 'BMW', 'hello', ''].map(latin1),
  ])
    expect(unreadFormat(bytes), bytes.toString('latin1')).toBeUndefined();
});
