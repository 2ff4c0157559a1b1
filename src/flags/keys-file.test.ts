import { describe, expect, it } from 'vitest';
import { keysFileOf } from './keys-file.js';

describe('keysFileOf', () => {
  it('is what the configuration says, and refuses one that says nothing', () => {
    expect(keysFileOf({ keysFile: '/etc/keys.json' })).toBe('/etc/keys.json');
    expect(() => keysFileOf({})).toThrow(
      expect.objectContaining({
        code: 'ROBLE_USAGE',
        exitCode: 2,
        details: expect.objectContaining({ expected: expect.stringContaining('serve.access.keysFile') }),
      }),
    );
  });
});
