import { describe, expect, it } from 'vitest';
import { configSchema } from '../core/config/schema.js';
import { keysFileOf } from './keys-file.js';

describe('keysFileOf', () => {
  it('is what the configuration says, and refuses one that says nothing', () => {
    const config = (access: object) => configSchema.parse({ serve: { access } });
    expect(keysFileOf(config({ keysFile: '/etc/keys.json' }))).toBe('/etc/keys.json');
    expect(() => keysFileOf(config({}))).toThrow(
      expect.objectContaining({
        code: 'ROBLE_USAGE',
        exitCode: 2,
        details: expect.objectContaining({ expected: expect.stringContaining('serve.access.keysFile') }),
      }),
    );
  });
});
