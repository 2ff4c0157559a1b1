import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { checkedRequest } from './checked-request.js';

describe('checkedRequest', () => {
  it.each(['constructor', 'toString', 'valueOf', 'hasOwnProperty'])(
    'has no hint for %s of its own accord',
    (key) => {
      const body = JSON.parse(`{"a":1,"${key}":{"b":2}}`);
      expect(() => checkedRequest(z.strictObject({ a: z.number() }), body)).toThrow(
        expect.objectContaining({
          code: 'ROBLE_REQUEST_INVALID',
          message: expect.not.stringContaining('native code'),
          details: { problems: [expect.objectContaining({ path: key, message: 'unknown key' })] },
        }),
      );
    },
  );
});
