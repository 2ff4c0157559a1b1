/** Values that a JSON Schema allows, and values that it refuses, for tests that hold a server to its own description. */
import fc from 'fast-check';
import type { OpenApiSchema } from '../../src/core/serving/http/route.js';

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type Components = Readonly<Record<string, OpenApiSchema>>;

const MAX_ITEMS = 5;

/** Values of a schema; nearly all are allowed by it, because keywords such as `contains` are left to a check afterwards. */
export function valuesOf(schema: OpenApiSchema, components: Components): fc.Arbitrary<Json> {
  const of = (one: OpenApiSchema) => valuesOf(one, components);
  if (schema.$ref) return of(components[schema.$ref.split('/').at(-1)!]!);
  if (schema.const !== undefined) return fc.constant(schema.const as Json);
  if (schema.enum) return fc.constantFrom(...(schema.enum as Json[]));
  const alternatives = schema.anyOf ?? schema.oneOf;
  if (alternatives) return fc.oneof(...alternatives.map(of));
  if (Array.isArray(schema.type))
    return fc.oneof(...schema.type.map((type: string) => of({ ...schema, type })));
  switch (schema.type) {
    case 'null':
      return fc.constant(null);
    case 'boolean':
      return fc.boolean();
    case 'integer':
      return integers(schema);
    case 'number':
      return numbers(schema);
    case 'string':
      return texts(schema);
    case 'array':
      return fc.array(of(schema.items ?? {}), {
        minLength: schema.minItems ?? 0,
        maxLength: schema.maxItems ?? Math.max(schema.minItems ?? 0, MAX_ITEMS),
      });
    case 'object':
      return objects(schema, of);
    default:
      return fc.jsonValue({ maxDepth: 2 }) as fc.Arbitrary<Json>;
  }
}

function integers({ minimum = -1000, maximum = 2 ** 53 - 1 }: OpenApiSchema): fc.Arbitrary<number> {
  const near = Math.min(maximum, Math.max(minimum, 0) + 20);
  return fc.oneof(
    { weight: 9, arbitrary: fc.integer({ min: minimum, max: near }) },
    { weight: 1, arbitrary: fc.integer({ min: minimum, max: maximum }) },
  );
}

function numbers({ minimum = -1e9, maximum = 1e9 }: OpenApiSchema): fc.Arbitrary<number> {
  const bounds = { min: minimum, max: maximum, noNaN: true, noDefaultInfinity: true };
  return fc.oneof(fc.double(bounds), fc.integer({ min: Math.ceil(minimum), max: Math.floor(maximum) }));
}

function texts({ pattern, minLength = 0 }: OpenApiSchema): fc.Arbitrary<string> {
  if (pattern !== undefined) return fc.stringMatching(new RegExp(pattern));
  return fc.string({ minLength, maxLength: minLength + 12, unit: 'grapheme' });
}

function objects(
  { properties, required = [], additionalProperties }: OpenApiSchema,
  of: (schema: OpenApiSchema) => fc.Arbitrary<Json>,
): fc.Arbitrary<Json> {
  if (!properties) {
    const values = typeof additionalProperties === 'object' ? additionalProperties : {};
    return fc.dictionary(fc.string({ maxLength: 8 }), of(values), { maxKeys: 3, noNullPrototype: true });
  }
  const members = Object.fromEntries(Object.entries(properties).map(([key, value]) => [key, of(value)]));
  return fc.record(members, {
    requiredKeys: required as string[],
    noNullPrototype: true,
  }) as fc.Arbitrary<Json>;
}

/** Values with one change somewhere: another value, a key that is missing, or one that is too many. */
export function changedValues(values: fc.Arbitrary<Json>): fc.Arbitrary<Json> {
  return fc
    .tuple(
      values,
      fc.nat(),
      fc.oneof(
        { weight: 4, arbitrary: oddValues() },
        { weight: 1, arbitrary: fc.jsonValue({ maxDepth: 2 }) as fc.Arbitrary<Json> },
      ),
      fc.constantFrom('replace', 'remove', 'add'),
    )
    .map(([value, place, odd, change]) => {
      const copy = structuredClone(value);
      const places = placesIn(copy);
      if (places.length === 0) return odd;
      const { holder, key } = places[place % places.length]!;
      if (change === 'add' && !Array.isArray(holder)) holder[`odd${place % 3}`] = odd;
      else if (change === 'remove' && !Array.isArray(holder)) delete holder[key];
      else (holder as Record<string, Json>)[key] = odd;
      return copy;
    });
}

function oddValues(): fc.Arbitrary<Json> {
  return fc.constantFrom<Json>(
    null,
    true,
    '',
    '7',
    ' ',
    0,
    -1,
    0.5,
    256,
    1e300,
    [],
    [[]],
    {},
    [null],
    'data:,x',
  );
}

interface Place {
  readonly holder: Record<string, Json>;
  readonly key: string;
}

/** Every place within a value that could hold another one. */
function placesIn(value: Json): Place[] {
  if (typeof value !== 'object' || value === null) return [];
  const holder = value as Record<string, Json>;
  return Object.keys(holder).flatMap((key) => [{ holder, key }, ...placesIn(holder[key]!)]);
}
