import { readFileSync } from 'node:fs';
import { RobleError } from '../base/errors.js';
import type { JsonSchema } from '../base/schema/json-schema.js';
import { nest } from '../base/schema/merge.js';
import { decodeText } from '../base/storage/text-file.js';
import { didYouMean } from '../base/text/text.js';
import { configKeys } from './keys.js';
import type { OriginLayer } from './origin.js';

const PREFIX = 'ROBLE_';
/** Of a variable that names a file with the value, as container engines mount secrets. */
const FROM_FILE = '_FILE';

/**
 * The values that environment variables such as `ROBLE_TRAIN_BATCH_SIZE` give. An empty variable counts as not set. With
 * `_FILE` after the name, the variable names a file that holds the value: what a secret wants, because the environment of
 * a process can be seen from outside.
 *
 * @returns the layer, and a warning for each variable that is nearly the name of a key.
 * @throws {RobleError} `ROBLE_CONFIG_INVALID` for a file that cannot be read, and a value that is given twice;
 *   `ROBLE_CONFIG_SYNTAX` for a list or a map that is no JSON
 */
export async function environmentLayer(
  env: NodeJS.ProcessEnv,
): Promise<{ layer: OriginLayer; warnings: string[] }> {
  const keys = new Map(configKeys().map((key) => [key.variable, key]));
  const entries: [string, unknown][] = [];
  const variables = new Map<string, string>();
  const warnings: string[] = [];
  for (const [variable, text] of Object.entries(env)) {
    if (!variable.startsWith(PREFIX) || !text) continue;
    const key = keys.get(variable);
    const fromFile =
      !key && variable.endsWith(FROM_FILE) ? keys.get(variable.slice(0, -FROM_FILE.length)) : undefined;
    const found = key ?? fromFile;
    if (!found) {
      warnings.push(...nearMiss(variable, [...keys.keys()]));
      continue;
    }
    if (fromFile && env[fromFile.variable]) throw givenTwice(fromFile.variable);
    const given = fromFile ? readSecret(variable, text) : text;
    entries.push([found.path, await parseText(given, found.schema, variable)]);
    variables.set(found.path, variable);
  }
  return {
    layer: {
      value: nest(entries),
      origin: (path) => ({ source: 'environment', variable: variableAt(variables, path) }),
    },
    warnings,
  };
}

/**
 * The value of a variable that is no setting, or of the file that the variable with `_FILE` after its name names.
 *
 * @throws {RobleError} `ROBLE_CONFIG_INVALID` for a file that cannot be read, and a value that is given twice
 */
export function variableOrFile(env: NodeJS.ProcessEnv, variable: string): string | undefined {
  const file = env[`${variable}${FROM_FILE}`];
  if (!file) return env[variable] || undefined;
  if (env[variable]) throw givenTwice(variable);
  return readSecret(`${variable}${FROM_FILE}`, file);
}

/** The text of a file, without the line break that editors and `echo` put at its end. */
function readSecret(variable: string, file: string): string {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    throw new RobleError('ROBLE_CONFIG_INVALID', `${variable} names a file that cannot be read.`, {
      received: `${file} (${(error as NodeJS.ErrnoException).code})`,
      expected: 'a file that holds the value',
      cause: error,
    });
  }
  return decodeText(bytes, file, { code: 'ROBLE_CONFIG_INVALID', isSecret: true }).trimEnd();
}

function givenTwice(variable: string): RobleError {
  return new RobleError('ROBLE_CONFIG_INVALID', `${variable} and ${variable}${FROM_FILE} are both set.`, {
    expected: 'one of them',
  });
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
async function parseText(text: string, schema: JsonSchema, variable: string): Promise<unknown> {
  const types = typesOf(schema);
  if (types.has('boolean') && /^(true|false)$/i.test(text)) return text.toLowerCase() === 'true';
  if ((types.has('number') || types.has('integer')) && text.trim() !== '' && !Number.isNaN(Number(text)))
    return Number(text);
  if ((types.has('array') || types.has('object')) && /^\s*[[{]/.test(text)) {
    const { readJson } = await import('../base/schema/yaml-text.js');
    return readJson(text, { name: variable }).value;
  }
  return text;
}

function typesOf(schema: JsonSchema): Set<string> {
  const own = schema.type ?? (schema.const === undefined ? undefined : typeof schema.const);
  const inner = [...(schema.anyOf ?? []), ...(schema.oneOf ?? [])].flatMap((option) => [...typesOf(option)]);
  return new Set(own === undefined ? inner : [own, ...inner]);
}
