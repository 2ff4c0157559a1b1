import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../../../test/support/temporary-folder.js';
import { decodeText, linesOf, readTextFile, textLines } from './text-file.js';

/** Unicode as Buffer can write it, without what no text file holds. */
const text = fc
  .array(fc.oneof(fc.string({ unit: 'grapheme' }), fc.constantFrom('\n', '\r\n', '\r', 'ä', 'é', '漢', '😀')))
  .map((parts) =>
    parts
      .join('')
      .replaceAll('\0', '')
      .replace(/^\uFEFF+/, ''),
  );

const FORMS: Record<string, (content: string) => Buffer> = {
  'UTF-8': (content) => Buffer.from(content),
  'UTF-8 with a mark': (content) => Buffer.from(`\uFEFF${content}`),
  'UTF-16LE': (content) => Buffer.from(`\uFEFF${content}`, 'utf16le'),
  'UTF-16BE': (content) => Buffer.from(`\uFEFF${content}`, 'utf16le').swap16(),
};

async function* inPieces(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function linesInPieces(bytes: Buffer, size: number): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of textLines(inPieces(bytes, size), 'x')) lines.push(line);
  return lines;
}

function failure(bytes: Uint8Array, encoding?: string) {
  try {
    decodeText(bytes, 'x.csv', { encoding });
    return undefined;
  } catch (error) {
    return error as { code: string; message: string };
  }
}

describe('text', () => {
  it.each(Object.entries(FORMS))('in %s is the same, in whatever pieces it comes', async (_, encode) => {
    await fc.assert(
      fc.asyncProperty(text, fc.integer({ min: 1, max: 9 }), async (content, size) => {
        expect(decodeText(encode(content), 'x')).toBe(content);
        expect(await linesInPieces(encode(content), size)).toEqual(linesOf(content));
      }),
      { seed: 2 },
    );
  });

  it('is read from a file, in an encoding that is said, unless a mark says another', async () => {
    const { path, remove } = await temporaryFolder('text');
    const file = join(path, 'x.txt');
    await writeFile(file, Buffer.from([0x4b, 0xe4, 0x72, 0x6c, 0x80]));
    expect(await readTextFile(file, { encoding: 'windows-1252' })).toBe('Kärl€');
    await writeFile(file, Buffer.from([0x93, 0xfa, 0x96, 0x7b]));
    expect(await readTextFile(file, { encoding: 'shift_jis' })).toBe('日本');
    await writeFile(file, FORMS['UTF-16BE']!('日本'));
    expect(await readTextFile(file, { encoding: 'shift_jis' })).toBe('日本');
    await expect(readTextFile(file, { encoding: 'utf-9' })).rejects.toMatchObject({ code: 'ROBLE_USAGE' });
    await expect(readTextFile(join(path, 'none'))).rejects.toMatchObject({ code: 'ROBLE_FILE_NOT_FOUND' });
    await remove();
  });

  it('with a byte that is none is refused with its line and column, and never mended', () => {
    fc.assert(
      fc.property(text, text, (before, after) => {
        const bytes = Buffer.concat([Buffer.from(before), Buffer.from([0xe4]), Buffer.from(`x${after}`)]);
        const lines = before.split(/\r\n|\n|\r/);
        const error = failure(bytes)!;
        expect(error.code).toBe('ROBLE_TEXT_INVALID');
        expect(error.message).toContain(`x.csv:${lines.length}:${lines.at(-1)!.length + 1}: the byte 0xE4`);
      }),
      { seed: 3 },
    );
  });

  it('that ends within a character, or has a zero in it, is none', () => {
    expect(failure(Buffer.from('a\nb漢').subarray(0, -1))!.message).toContain('x.csv:2:2: ');
    expect(failure(Buffer.from([0xff, 0xfe, 0x41, 0x00, 0x42]))!.message).toContain('x.csv:1:2: ');
    expect(failure(Buffer.from('image', 'utf16le'))!.message).toContain('x.csv:1:2: the byte 0x00');
    expect(failure(Buffer.from('image', 'utf16le'), 'utf-16le')).toBeUndefined();
  });
});
