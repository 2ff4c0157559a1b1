import { z } from 'zod';

/** The part of JSON Schema (draft 7) that the configuration uses. */
export interface JsonSchema {
  $schema?: string;
  $ref?: string;
  definitions?: Record<string, JsonSchema>;
  title?: string;
  description?: string;
  type?: string;
  const?: unknown;
  enum?: unknown[];
  default?: unknown;
  properties?: Record<string, JsonSchema>;
  required?: string[];
  additionalProperties?: boolean | JsonSchema;
  format?: string;
  /** Of what is secret; see `secret`. */
  writeOnly?: boolean;
  items?: JsonSchema | JsonSchema[];
  oneOf?: JsonSchema[];
  anyOf?: JsonSchema[];
  allOf?: JsonSchema[];
  if?: JsonSchema;
  then?: JsonSchema;
  examples?: unknown[];
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  exclusiveMaximum?: number;
}

/** Derived once: that takes a millisecond, and a server would do it for each request that it refuses. */
const derived = new WeakMap<z.ZodType, JsonSchema>();

/** The JSON Schema of what is written, before defaults. */
export function inputJsonSchema(schema: z.ZodType): JsonSchema {
  const known = derived.get(schema);
  if (known) return known;
  const made = z.toJSONSchema(schema, {
    io: 'input',
    target: 'draft-7',
    // A part of a plugin's options that JSON Schema has no words for may be anything.
    unrepresentable: 'any',
    override: withoutDoubleBounds,
  }) as JsonSchema;
  derived.set(schema, made);
  return made;
}

/** Every whole number is bounded by what a double can count; that says nothing to a reader. */
export function withoutDoubleBounds({ jsonSchema }: { jsonSchema: z.core.JSONSchema.BaseSchema }): void {
  if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
  if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
}

/** The schema that a reference points at. */
export function dereference(root: JsonSchema, node: JsonSchema): JsonSchema {
  const name = node.$ref?.replace('#/definitions/', '');
  const target = name === undefined ? undefined : root.definitions?.[name];
  return target ? dereference(root, target) : node;
}

/** The alternatives of a node that is told apart by its `type`, such as an optimizer or a layer; else none. */
export function variantsOf(root: JsonSchema, node: JsonSchema): JsonSchema[] {
  const variants = (node.oneOf ?? []).map((variant) => dereference(root, variant));
  return variants.every((variant) => variant.properties?.type) ? variants : [];
}

/** The names that a variant's `type` can have. */
export function variantNames(variant: JsonSchema): string[] {
  const type = variant.properties?.type;
  return (type?.enum ?? [type?.const]).map(String);
}

/** The keys that are known at a place of a configuration, given what is written there. */
export function knownKeys(root: JsonSchema, path: readonly PropertyKey[], value: unknown): string[] {
  const node = chooseVariant(root, dereference(root, root), value);
  const [head, ...rest] = path;
  if (head === undefined) return Object.keys(node.properties ?? {});
  const child =
    typeof head === 'number'
      ? (node.items as JsonSchema | undefined)
      : new Map(Object.entries(node.properties ?? {})).get(String(head));
  const childValue = (value as Record<PropertyKey, unknown> | undefined)?.[head];
  if (!child) return [];
  return knownKeys({ ...dereference(root, child), definitions: root.definitions ?? {} }, rest, childValue);
}

function chooseVariant(root: JsonSchema, node: JsonSchema, value: unknown): JsonSchema {
  // What may be null besides.
  const given = node.anyOf?.filter(({ type }) => type !== 'null');
  if (given?.length === 1) return chooseVariant(root, dereference(root, given[0]!), value);
  const type = (value as { type?: unknown } | undefined)?.type;
  return variantsOf(root, node).find((variant) => variantNames(variant).includes(String(type))) ?? node;
}
