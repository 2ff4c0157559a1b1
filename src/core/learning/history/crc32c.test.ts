import { describe, expect, it } from 'vitest';
import { crc32c } from './tensorboard.js';

describe('crc32c', () => {
  // The check value of the catalogue of CRCs, and the examples of RFC 3720, appendix B.4.
  it.each([
    ['123456789', new TextEncoder().encode('123456789'), 0xe3069283],
    ['32 zeros', new Uint8Array(32), 0x8a9136aa],
    ['32 ones', new Uint8Array(32).fill(255), 0x62a8ab43],
    ['0 to 31', Uint8Array.from({ length: 32 }, (_, i) => i), 0x46dd794e],
    ['nothing', new Uint8Array(), 0],
  ])('of %s', (_, bytes, expected) => expect(crc32c(bytes)).toBe(expected));
});
