import { type Problem, RobleError } from '../base/errors.js';
import { inputJsonSchema, type JsonSchema } from '../base/schema/json-schema.js';
import { loadPipeline } from '../data/augment/pipeline.js';
import type { PluginKind, PluginKinds } from '../plugin/contracts.js';
import type { PluginRegistry } from '../plugin/registry.js';
import { checkedOptions } from '../predict/predictor.js';
import { configJsonSchema } from './keys.js';
import type { Config } from './schema.js';

/**
 * Checks the settings of plugins, which the plugins declare themselves: parameters of augmenters and options of the backend.
 *
 * @throws {RobleError} `ROBLE_CONFIG_INVALID` with every problem, plugins that cannot be used among them
 */
export async function checkPluginSettings(
  { train, balance, serve }: Config,
  registry: PluginRegistry,
): Promise<void> {
  const problems: Problem[] = [];
  for (const [path, check] of [
    ['train.augment.strategy', () => loadPipeline(registry, train.augment.strategy, train.augment)],
    ['balance.augment.strategy', () => loadPipeline(registry, balance.augment.strategy, balance.augment)],
    ['train.engine', () => registry.admit([{ kind: 'training-engine', name: train.engine }])],
    ['serve.backend', () => registry.admit([{ kind: 'serving-backend', name: serve.backend }])],
    ['serve.backendOptions', () => checkBackendOptions(serve, registry)],
  ] as const)
    problems.push(...(await problemsOf(path, check)));
  if (problems.length === 0) return;
  throw new RobleError('ROBLE_CONFIG_INVALID', 'The settings of plugins are not valid.', { problems });
}

async function checkBackendOptions(
  { backend, backendOptions }: Config['serve'],
  registry: PluginRegistry,
): Promise<void> {
  if (backendOptions === undefined || !registry.has('serving-backend', backend)) return;
  checkedOptions(await registry.load('serving-backend', backend), backendOptions);
}

async function problemsOf(path: string, check: () => Promise<unknown>): Promise<Problem[]> {
  try {
    await check();
    return [];
  } catch (thrown) {
    const { code, message, details } = RobleError.from(thrown);
    if (code === 'ROBLE_CONFIG_INVALID' && details.problems)
      return details.problems.map((problem) => ({ ...problem, path: `${path}.${problem.path}` }));
    if (code !== 'ROBLE_PLUGIN_UNKNOWN' && code !== 'ROBLE_PLUGIN_INVALID') throw thrown;
    const [suggestion] = details.nextSteps ?? [];
    return [{ path, message, ...(suggestion !== undefined && { suggestion }) }];
  }
}

/**
 * The schema of the configuration for editors, with what the plugins of a registry declare.
 *
 * @param warn called with why a plugin is left out
 */
export async function schemaWithPlugins(
  registry: PluginRegistry,
  warn: (message: string) => void,
): Promise<JsonSchema> {
  const schema = structuredClone(configJsonSchema());
  const augmenters = await loadAll(registry, 'augmenter', warn);
  const steps = augmenters.map(({ name, description, parameters }) => ({
    name,
    schema: { ...inputJsonSchema(parameters), description },
  }));
  for (const step of stepsIn(schema)) {
    step.properties!.augmenter = { ...step.properties!.augmenter, examples: steps.map(({ name }) => name) };
    step.allOf = steps.map(({ name, schema }) =>
      whenNamed('augmenter', name, { parameters: withoutHeader(schema) }),
    );
  }
  const backends = (await loadAll(registry, 'serving-backend', warn)).flatMap(({ name, options }) =>
    options ? [whenNamed('backend', name, { backendOptions: withoutHeader(inputJsonSchema(options)) })] : [],
  );
  const serve = schema.properties!.serve!;
  serve.allOf = [...(serve.allOf ?? []), ...backends];
  return schema;
}

/** All plugins of a kind that can be used. */
async function loadAll<K extends PluginKind>(
  registry: PluginRegistry,
  kind: K,
  warn: (message: string) => void,
): Promise<PluginKinds[K][]> {
  const loaded: PluginKinds[K][] = [];
  for (const name of registry.names(kind))
    try {
      loaded.push(await registry.load(kind, name));
    } catch (thrown) {
      warn(RobleError.from(thrown).message);
    }
  return loaded;
}

function whenNamed(key: string, name: string, properties: Record<string, JsonSchema>): JsonSchema {
  // biome-ignore lint/suspicious/noThenProperty: the keyword of JSON Schema.
  return { if: { properties: { [key]: { const: name } }, required: [key] }, then: { properties } };
}

const withoutHeader = ({ $schema: _, ...schema }: JsonSchema): JsonSchema => schema;

/** Every place of a schema that describes a step of an augmentation. */
function stepsIn(node: unknown): JsonSchema[] {
  if (typeof node !== 'object' || node === null) return [];
  const { properties } = node as JsonSchema;
  const own = properties?.augmenter && properties.parameters && properties.probability && !properties.labels;
  return [...(own ? [node as JsonSchema] : []), ...Object.values(node).flatMap(stepsIn)];
}
