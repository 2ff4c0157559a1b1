import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { inputJsonSchema } from './json-schema.js';
import { recordOf } from './record-of.js';

const schema = recordOf(z.int().positive());

describe('recordOf', () => {
  it('takes every name', () => {
    const text = '{"__proto__":1,"constructor":2,"toString":3,"hasOwnProperty":4,"":5}';
    const record = schema.parse(JSON.parse(text));
    expect(JSON.stringify(record)).toBe(
      '{"constructor":2,"toString":3,"hasOwnProperty":4,"":5,"__proto__":1}',
    );
    expect(Object.getPrototypeOf(record)).toBe(Object.prototype);
  });

  it('tells every bad value by its name', () => {
    const { error } = schema.safeParse(JSON.parse('{"__proto__":"x","a":-1,"b":2}'));
    expect(error!.issues.map(({ path }) => path)).toEqual([['a'], ['__proto__']]);
    for (const wrong of [3, null, [1], 'x', undefined]) expect(schema.safeParse(wrong).success).toBe(false);
  });

  it('has the JSON Schema of a record', () => {
    expect(inputJsonSchema(schema)).toMatchObject({
      type: 'object',
      additionalProperties: { type: 'integer', exclusiveMinimum: 0 },
    });
  });
});
