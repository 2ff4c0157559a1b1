import { describe, expect, it } from 'vitest';
import { terminalPicture } from './picture.js';

const shape = { width: 2, height: 2, channels: 1 } as const;

describe('terminalPicture', () => {
  const pixels = Uint8Array.of(255, 0, 255, 0);

  it('shows brightness by characters without colour', () => {
    expect(terminalPicture(pixels, shape, { color: false })).toBe('@');
  });

  it('shows two pixels in a half block with colour', () => {
    const text = terminalPicture(pixels, shape, { color: true });
    expect(text).toContain('\u001b[38;2;255;255;255m\u001b[48;2;255;255;255m\u2580');
    expect(text.endsWith('\u001b[0m')).toBe(true);
  });

  it('averages blocks of a picture that is too wide', () => {
    expect(
      terminalPicture(
        new Uint8Array(400).fill(255),
        { width: 20, height: 20, channels: 1 },
        { color: false, maxColumns: 10 },
      ),
    ).toBe(Array(5).fill('@'.repeat(10)).join('\n'));
  });
});
