import type { ZodType } from 'zod';
import { inputJsonSchema } from '../base/schema/json-schema.js';
import { isSettings } from '../base/schema/merge.js';
import { layerSchema } from '../model/spec.js';
import { checkAugmenter } from './check-augmenter.js';
import type { Augmenter, AugmenterFactory, PluginKind, Preset, ServingBackend } from './contracts.js';
import { isPromise } from './odd-values.js';

/**
 * What is wrong with a plugin, as parts of a sentence; none: it is what it says. Augmenters are tried; of the other kinds
 * only the form is looked at, because they need a model, a device or data.
 *
 * @param name the name by which its package announces it
 */
export function checkPlugin(kind: PluginKind, plugin: unknown, name: string): string[] {
  const faults = checkForm(kind, plugin, name);
  return faults.length === 0 && kind === 'augmenter'
    ? checkAugmenter(plugin as Augmenter | AugmenterFactory)
    : faults;
}

/** As {@link checkPlugin}, without a trial. */
export function checkForm(kind: PluginKind, plugin: unknown, name: string): string[] {
  if (typeof plugin !== 'object' || plugin === null)
    return [`its export "plugin" is ${typeOf(plugin)}, no object`];
  const said = (plugin as { name?: unknown }).name;
  return [
    ...(said === name
      ? []
      : [
          `its name is ${typeof said === 'string' ? JSON.stringify(said) : typeOf(said)}, and its package says "${name}"`,
        ]),
    ...missingFunctions(kind, plugin as Record<string, unknown>),
    ...(kind === 'preset' ? checkPreset(plugin as Preset) : []),
    ...(kind === 'augmenter' ? checkSchema('parameters', (plugin as Augmenter).parameters) : []),
    ...(kind === 'serving-backend' ? checkSchema('options', (plugin as ServingBackend).options) : []),
  ];
}

/** A schema of another library, or another version of zod, cannot be told to editors. */
function checkSchema(field: string, schema: unknown): string[] {
  if (schema === undefined) return [];
  try {
    inputJsonSchema(schema as ZodType);
    return [];
  } catch {
    return [`its "${field}" are no schema of zod 4: take "z" from roble/plugin`];
  }
}

const FUNCTIONS: Readonly<Record<PluginKind, readonly string[]>> = {
  augmenter: [],
  'serving-backend': ['load'],
  'training-engine': ['devices', 'open'],
  reader: ['read'],
  preset: [],
};

function missingFunctions(kind: PluginKind, plugin: Record<string, unknown>): string[] {
  return FUNCTIONS[kind]
    .filter((each) => typeof plugin[each] !== 'function')
    .map((each) => `its "${each}" is ${typeOf(plugin[each])}, no function`);
}

const typeOf = (value: unknown) => (value === null ? 'null' : isPromise(value) ? 'a promise' : typeof value);

function checkPreset({ layers, train = {} }: Preset): string[] {
  if (isPromise(layers)) return ['its "layers" are a promise, no list of layers'];
  if (!Array.isArray(layers) || layers.length === 0) return ['its "layers" are no list of layers'];
  if (!isSettings(train) || isPromise(train)) return [`its "train" is ${typeOf(train)}, no settings`];
  return layers.flatMap((layer, i) => {
    const { error } = layerSchema.safeParse(layer);
    return error ? [`its layers.${i} is not valid: ${error.issues[0]!.message}`] : [];
  });
}
