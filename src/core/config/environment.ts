import { didYouMean } from '../text.js';
import type { JsonSchema } from './json-schema.js';
import { configKeys } from './keys.js';
import { nest } from './nest.js';
import type { Layer } from './origin.js';

const PREFIX = 'ROBLE_';

/**
 * The values that environment variables such as `ROBLE_TRAIN_BATCH_SIZE` give. An empty variable counts as not set.
 *
 * @returns the layer, and a warning for each variable that is nearly the name of a key.
 */
export function environmentLayer(env: NodeJS.ProcessEnv): { layer: Layer; warnings: string[] } {
  const keys = new Map(configKeys().map((key) => [key.variable, key]));
  const entries: [string, unknown][] = [];
  const variables = new Map<string, string>();
  const warnings: string[] = [];
  for (const [variable, text] of Object.entries(env)) {
    if (!variable.startsWith(PREFIX) || !text) continue;
    const key = keys.get(variable);
    if (key) {
      entries.push([key.path, parseText(text, key.schema)]);
      variables.set(key.path, variable);
    } else warnings.push(...nearMiss(variable, [...keys.keys()]));
  }
  return {
    layer: {
      value: nest(entries),
      origin: (path) => ({ source: 'environment', variable: variableAt(variables, path) }),
    },
    warnings,
  };
}

function nearMiss(variable: string, known: readonly string[]): string[] {
  const bare = (name: string) => name.slice(PREFIX.length);
  const [hint] = didYouMean(bare(variable), known.map(bare));
  return hint
    ? [`The environment variable ${variable} sets nothing. ${hint.replace('"', `"${PREFIX}`)}`]
    : [];
}

function variableAt(variables: ReadonlyMap<string, string>, path: readonly PropertyKey[]): string {
  for (let length = path.length; length > 0; length--) {
    const variable = variables.get(path.slice(0, length).join('.'));
    if (variable) return variable;
  }
  return [...variables].find(([key]) => key.startsWith(`${path.join('.')}.`))?.[1] ?? PREFIX;
}

/** Text as the type that the schema wants; text that is not of that type stays text, for the schema to report. */
function parseText(text: string, schema: JsonSchema): unknown {
  const types = typesOf(schema);
  if (types.has('boolean') && /^(true|false)$/i.test(text)) return text.toLowerCase() === 'true';
  if ((types.has('number') || types.has('integer')) && text.trim() !== '' && !Number.isNaN(Number(text)))
    return Number(text);
  if (types.has('array') || types.has('object')) {
    try {
      return JSON.parse(text);
    } catch {
      return text;
    }
  }
  return text;
}

function typesOf(schema: JsonSchema): Set<string> {
  const own = schema.type ?? (schema.const === undefined ? undefined : typeof schema.const);
  const inner = [...(schema.anyOf ?? []), ...(schema.oneOf ?? [])].flatMap((option) => [...typesOf(option)]);
  return new Set(own === undefined ? inner : [own, ...inner]);
}
