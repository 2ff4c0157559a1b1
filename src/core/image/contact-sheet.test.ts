import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { contactSheet } from './contact-sheet.js';

describe('contactSheet', () => {
  it('puts pictures in rows and leaves gaps', async () => {
    const png = await contactSheet(
      [new Uint8Array(4).fill(255), undefined, new Uint8Array(4).fill(10)],
      { width: 2, height: 2, channels: 1 },
      { columns: 2, gap: 1 },
    );
    const { data, info } = await sharp(png).toColourspace('b-w').raw().toBuffer({ resolveWithObject: true });
    expect([info.width, info.height]).toEqual([7, 7]);
    expect([data[8], data[11], data[7 * 4 + 1]]).toEqual([255, 96, 10]);
  });
});
