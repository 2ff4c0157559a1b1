import {
  dereference,
  inputJsonSchema,
  type JsonSchema,
  variantNames,
  variantsOf,
} from '../base/schema/json-schema.js';
import type { PluginRegistry } from '../plugin/registry.js';
import { serveJsonSchema } from '../serving/settings.js';
import { type Config, configSchema } from './schema.js';

/** One value that can be configured. */
export interface ConfigKey {
  /** Such as `train.batchSize`. */
  readonly path: string;
  /** The environment variable that sets it. */
  readonly variable: string;
  readonly schema: JsonSchema;
  /** The `type` of the surrounding settings for which the key exists, such as `adamw`. */
  readonly variant?: string;
}

/** Every key of the configuration, in the order of the schema; a key of several variants once for each of them. */
export function configKeys(): ConfigKey[] {
  const root = configJsonSchema();
  const { $schema: _forEditors, ...properties } = root.properties ?? {};
  return Object.entries(properties).flatMap(([name, node]) => keysOf(root, node, [name]));
}

function keysOf(
  root: JsonSchema,
  reference: JsonSchema,
  path: readonly string[],
  variant?: string,
): ConfigKey[] {
  const node = dereference(root, reference);
  const children = (parent: JsonSchema, name?: string) =>
    Object.entries(parent.properties ?? {}).flatMap(([key, child]) =>
      keysOf(root, child, [...path, key], name),
    );
  if (node.properties) return children(node, variant);

  const variants = variantsOf(root, node);
  if (variants.length === 0)
    return [{ path: path.join('.'), variable: variableOf(path), schema: node, ...(variant && { variant }) }];
  const choice = {
    enum: variants.flatMap(variantNames),
    default: (node.default as { type?: string } | undefined)?.type,
  };
  const withoutType = ({ properties: { type: _, ...properties } = {}, ...rest }: JsonSchema) => ({
    ...rest,
    properties,
  });
  return [
    ...keysOf(root, choice, [...path, 'type']),
    ...variants.flatMap((each) => children(withoutType(each), variantNames(each).join(', '))),
  ];
}

/** The variable that sets the value at a path, or the group that it belongs to; undefined where there is no such key. */
export function variableAt(path: string): string | undefined {
  return configKeys().find((key) => path === key.path || path.startsWith(`${key.path}.`))?.variable;
}

/** `train.batchSize` is set by `ROBLE_TRAIN_BATCH_SIZE`. */
function variableOf(path: readonly string[]): string {
  return ['roble', ...path.map((name) => name.replace(/([a-z0-9])([A-Z])/g, '$1_$2'))]
    .join('_')
    .toUpperCase();
}

/** What a configuration file may hold, for editors and for everything else that is derived from the schema. */
export function configJsonSchema(): JsonSchema {
  const schema = inputJsonSchema(configSchema);
  return {
    ...schema,
    title: 'roble configuration',
    properties: {
      $schema: { type: 'string', description: 'Where editors find this schema.' },
      ...schema.properties,
    },
  };
}

/** The schema of the configuration, with what its backend declares of its options; see {@link serveJsonSchema}. */
export async function secretsSchema({ serve }: Config, registry: PluginRegistry): Promise<JsonSchema> {
  const schema = configJsonSchema();
  const { properties } = schema;
  return {
    ...schema,
    properties: { ...properties, serve: await serveJsonSchema(serve, registry, properties!.serve) },
  };
}
