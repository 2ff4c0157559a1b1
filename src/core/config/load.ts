import { dirname, join, resolve } from 'node:path';
import { RobleError } from '../base/errors.js';
import { describeIssues } from '../base/schema/issues.js';
import {
  type Choices,
  isSettings,
  type Merged,
  mergeLayers,
  nest,
  type Overrides,
  type Settings,
} from '../base/schema/merge.js';
import { exists } from '../base/storage/files.js';
import { HEAD_PRESET, recipeOf } from '../learning/presets.js';
import { type ModelChoice, modelSchema } from '../learning/settings.js';
import type { Preset } from '../plugin/contracts.js';
import type { PackageRequest } from '../plugin/packages.js';
import type { PluginRegistry } from '../plugin/registry.js';
import { pluginRequests, pluginsSchema } from '../plugin/settings.js';
import { environmentLayer } from './environment.js';
import { readConfigFile } from './file.js';
import { configJsonSchema } from './keys.js';
import { describeOrigin, type Origin, type OriginLayer } from './origin.js';
import { type Config, configSchema, PATH_KEYS, URL_OR_PATH_KEYS } from './schema.js';

export interface LoadConfigOptions {
  /** Where the search for the project file begins; relative paths of variables and flags start here. */
  readonly cwd: string;
  /** A configuration file in place of the project's. */
  readonly configFile?: string;
  readonly env: NodeJS.ProcessEnv;
  /** Home folder of the user, for `.config/roble/config.yaml` unless XDG_CONFIG_HOME names another place; none: no user file. */
  readonly home?: string;
  readonly overrides?: Overrides;
  /** Ends the wait for a file that is a pipe. */
  readonly signal?: AbortSignal;
  /** Opens the packages of plugins that the configuration names; without it there are those in the box. */
  readonly openPlugins?: OpenPlugins;
}

/** @param requests what the project names; `off`: no plugin from outside at all */
export type OpenPlugins = (requests: readonly PackageRequest[] | 'off') => Promise<PluginRegistry>;

export interface LoadedConfig {
  readonly config: Config;
  /**
   * The model of the configuration where someone chose it; undefined where it is the default, which gives way to the
   * architecture of a bundle that a run starts from.
   */
  readonly chosenModel: ModelChoice | undefined;
  /** Where each value came from, by its path, such as `train.batchSize`. */
  readonly origins: Readonly<Record<string, Origin>>;
  /** The files that were read, the strongest last. */
  readonly files: readonly string[];
  /** The one of them that is the project's; its folder is that of the project. */
  readonly projectFile?: string;
  readonly warnings: readonly string[];
  /** The plugins that {@link LoadConfigOptions.openPlugins} opened. */
  readonly registry?: PluginRegistry;
}

const CHOICES: Choices = new Map([['model', ['preset', 'layers']]]);

/**
 * The configuration: defaults, then the recipe of the chosen preset, the user's file, the project's file, environment
 * variables and overrides, each stronger than the one before.
 *
 * Relative paths become absolute: those of a file start at the file's folder, those of variables and flags at `cwd`,
 * those of defaults at the folder of the project file, or `cwd` without one.
 *
 * @throws {RobleError} `ROBLE_CONFIG_INVALID` with every problem of every source at once; `ROBLE_CONFIG_SYNTAX`;
 *   `ROBLE_FILE_NOT_FOUND` when `configFile` does not exist.
 * @example
 * const { config, origins } = await loadConfig({ cwd: '/home/ada/letters', env: {}, home: '/home/ada' });
 * origins['train.epochs']; // { source: 'project', file: '/home/ada/letters/roble.config.yaml', line: 12 }
 */
export async function loadConfig({
  cwd,
  configFile,
  env,
  home,
  overrides = {},
  signal,
  openPlugins,
}: LoadConfigOptions): Promise<LoadedConfig> {
  const userFolder = env.XDG_CONFIG_HOME || (home && join(home, '.config'));
  const ownFile = userFolder && join(userFolder, 'roble', 'config.yaml');
  const warnings: string[] = [];
  const userFile = ownFile && (await isReachable(ownFile, warnings)) ? ownFile : undefined;
  const project = configFile
    ? { file: resolve(cwd, configFile), ignored: [], unread: [] }
    : await (await import('./project-file.js')).findProjectFile(cwd);
  const environment = await environmentLayer(env);
  const given = [
    ...(userFile ? [withPaths(await readConfigFile(userFile, 'user', signal), dirname(userFile))] : []),
    ...(project.file
      ? [withPaths(await readConfigFile(project.file, 'project', signal), dirname(project.file))]
      : []),
    withPaths(environment.layer, cwd),
    withPaths(flagLayer(overrides), cwd),
  ];
  const defaults = withPaths(defaultLayer(), project.file ? dirname(project.file) : cwd);
  const chosen = mergeLayers([defaults, ...given], CHOICES);
  const registry = await openPlugins?.(requestsOf(chosen, given, cwd));
  const preset = await presetOf(chosenPreset(chosen), registry, warnings);
  const merged = mergeLayers([defaults, presetLayer(preset), ...given], CHOICES);
  const written = check(merged, cwd);
  const config = withLayers(written, preset);
  const origins = originsOf(written, merged);
  if (config !== written) origins['model.layers'] = origins['model.preset']!;
  return {
    config,
    chosenModel: isModelChosen(origins) ? config.model : undefined,
    origins,
    files: [userFile, project.file].filter((file) => file !== undefined),
    ...(project.file !== undefined && { projectFile: project.file }),
    ...(registry && { registry }),
    warnings: [
      ...warnings,
      ...project.unread,
      ...project.ignored.map((file) => `${file} is ignored: ${project.file} is used.`),
      ...environment.warnings,
    ],
  };
}

/** A home that one may not look into, as in a container that runs as another user, is no reason to stop. */
async function isReachable(userFile: string, warnings: string[]): Promise<boolean> {
  try {
    return await exists(userFile);
  } catch (error) {
    warnings.push(`The settings of the user are not used: ${RobleError.from(error).message}`);
    return false;
  }
}

function defaultLayer(): OriginLayer {
  return { value: configSchema.parse({}), origin: () => ({ source: 'default' }) };
}

/** The packages of plugins that the layers name; what is not valid is reported with the rest. */
function requestsOf(
  merged: Merged<OriginLayer>,
  layers: readonly OriginLayer[],
  cwd: string,
): PackageRequest[] | 'off' {
  // Whoever says it, a project of strangers cannot take it back.
  if (layers.some(({ value }) => value.plugins === 'off')) return 'off';
  const { data } = pluginsSchema.safeParse(merged.value.plugins);
  const origin = merged.layerOf(['plugins'])?.origin(['plugins']);
  const folder = origin && 'file' in origin ? dirname(origin.file) : cwd;
  return pluginRequests(data ?? []).map((request) => ({ ...request, from: 'project', folder }));
}

/** The preset that the layers name; of a model on a backbone about which nobody said more, that of a head. */
function chosenPreset({ value: { model }, layerOf }: Merged<OriginLayer>): string {
  const name = isSettings(model) && typeof model.preset === 'string' ? model.preset : '';
  const path = ['model', 'preset'];
  const isDefault = layerOf(path)?.origin(path).source === 'default';
  return name !== '' && isDefault && isSettings(model) && model.backbone !== undefined ? HEAD_PRESET : name;
}

interface ChosenPreset {
  readonly name: string;
  /** The recipe that it brings along. */
  readonly train: Settings;
  /** The layers of one from outside. */
  readonly layers?: Preset['layers'];
}

/** One from outside that cannot be used is no reason to stop a command that needs no model. */
async function presetOf(
  name: string,
  registry: PluginRegistry | undefined,
  warnings: string[],
): Promise<ChosenPreset> {
  if (!registry?.has('preset', name)) return { name, train: recipeOf(name) };
  try {
    const { train = {}, layers } = await registry.load('preset', name);
    return { name, train, layers };
  } catch (thrown) {
    warnings.push(`The preset "${name}" is not used: ${RobleError.from(thrown).message}`);
    return { name, train: {} };
  }
}

/** What the chosen preset brings along; it gives way to whatever somebody set. */
function presetLayer({ name, train }: ChosenPreset): OriginLayer {
  const model = name === HEAD_PRESET ? { model: { preset: name } } : {};
  return { value: { ...model, train }, origin: () => ({ source: 'preset', preset: name }) };
}

/** A preset from outside by its layers, as no other part of the program knows its name. */
function withLayers(config: Config, { layers }: ChosenPreset): Config {
  return layers && config.model.preset ? { ...config, model: modelSchema.parse({ layers }) } : config;
}

function flagLayer(overrides: Overrides): OriginLayer {
  const given = Object.entries(overrides).filter(([, { value }]) => value !== undefined);
  return {
    value: nest(given.map(([path, { value }]) => [path, value])),
    origin(path) {
      const at = path.join('.');
      const [, found] =
        given.find(([key]) => at === key || at.startsWith(`${key}.`) || key.startsWith(`${at}.`)) ?? [];
      return { source: 'flag', flag: found?.flag ?? at };
    },
  };
}

/** Makes the paths of a layer absolute; what is no text stays as it is, for the schema to report. */
function withPaths(layer: OriginLayer, folder: string): OriginLayer {
  const toPath = (text: string) => resolve(folder, text);
  const unlessUrl = (text: string) => (text === 'none' || text.includes('://') ? text : toPath(text));
  const changed = (convert: (text: string) => string) => (value: Settings, key: readonly string[]) =>
    withText(value, key, convert) as Settings;
  const value = PATH_KEYS.reduce<Settings>(changed(toPath), layer.value);
  return { ...layer, value: URL_OR_PATH_KEYS.reduce<Settings>(changed(unlessUrl), value) };
}

function withText(
  value: unknown,
  [key, ...inner]: readonly string[],
  convert: (text: string) => string,
): unknown {
  if (key === undefined) return typeof value === 'string' && value !== '' ? convert(value) : value;
  if (key === '*') return Array.isArray(value) ? value.map((item) => withText(item, inner, convert)) : value;
  return isSettings(value) && key in value
    ? { ...value, [key]: withText(value[key], inner, convert) }
    : value;
}

function check(merged: Merged<OriginLayer>, cwd: string): Config {
  const parsed = configSchema.safeParse(merged.value);
  if (parsed.success) return parsed.data;
  const originOf = (path: readonly PropertyKey[]) =>
    describeOrigin(merged.layerOf(path)?.origin(path) ?? { source: 'default' }, cwd);
  const problems = describeIssues(parsed.error.issues, merged.value, originOf, configJsonSchema());
  throw new RobleError(
    'ROBLE_CONFIG_INVALID',
    problems.length === 1
      ? 'The configuration has a problem.'
      : `The configuration has ${problems.length} problems.`,
    { problems, nextSteps: ['"roble config:show --origin" shows each value and where it comes from.'] },
  );
}

function originsOf(config: Config, merged: Merged<OriginLayer>): Record<string, Origin> {
  const origins: Record<string, Origin> = {};
  const visit = (value: unknown, path: readonly string[]) => {
    if (isSettings(value)) for (const [key, inner] of Object.entries(value)) visit(inner, [...path, key]);
    else if (value !== undefined)
      origins[path.join('.')] = merged.layerOf(path)?.origin(path) ?? { source: 'default' };
  };
  visit(config, []);
  return origins;
}

/**
 * What is wrong with a configuration file, in sentences; nothing where it can be used. Neither variables nor the user's
 * own file count.
 */
export async function configProblems(configFile: string): Promise<string[]> {
  try {
    await loadConfig({ cwd: dirname(configFile), configFile, env: {} });
    return [];
  } catch (thrown) {
    if (!(thrown instanceof RobleError)) throw thrown;
    const problems = thrown.details.problems?.map(({ path, message }) => `${path}: ${message}`) ?? [];
    return [thrown.message, ...problems];
  }
}

/** The settings under a key, such as `serve`, without those that are defaults. */
export function settingsGiven(
  { config, origins }: Pick<LoadedConfig, 'config' | 'origins'>,
  key: keyof Config,
): Settings {
  const given = (value: unknown, path: string): unknown => {
    if (!isSettings(value)) {
      const { source } = origins[path] ?? { source: 'default' };
      return source === 'default' ? undefined : value;
    }
    const inner = Object.entries(value)
      .map(([name, one]): [string, unknown] => [name, given(one, `${path}.${name}`)])
      .filter(([, one]) => one !== undefined);
    return inner.length === 0 ? undefined : Object.fromEntries(inner);
  };
  return (given(config[key], key) ?? {}) as Settings;
}

function isModelChosen(origins: LoadedConfig['origins']): boolean {
  return Object.entries(origins).some(
    ([key, { source }]) => key.split('.')[0] === 'model' && source !== 'default',
  );
}
