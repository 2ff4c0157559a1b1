import { realpathSync, statSync } from 'node:fs';
import { realpath } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join, resolve, sep } from 'node:path';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';
import { RobleError } from '../base/errors.js';
import { describeIssues } from '../base/schema/issues.js';
import { inputJsonSchema } from '../base/schema/json-schema.js';
import { readJsonFile } from '../base/storage/text-file.js';
import { robleVersion } from '../base/version.js';
import { PLUGIN_API_VERSION, PLUGIN_KINDS, PLUGIN_NAME, type PluginEntry } from './contracts.js';
import { integrityOf } from './integrity.js';
import { describeThrown } from './odd-values.js';
import { isPluginPath, type PluginRequest } from './settings.js';

/** Who names a package: the configuration of the project, or the list of what is installed for all projects of a machine. */
export type PluginSource = 'project' | 'machine';

/** A package of plugins, from outside. Nothing of it has run. */
export interface PluginPackage {
  readonly name: string;
  readonly version: string;
  readonly from: PluginSource;
  /** Its folder. */
  readonly root: string;
  readonly plugins: readonly PluginEntry[];
}

/** A package, or one plugin of it, that cannot be used. */
export interface SetAside {
  /** The package as it was named; its version where that is known. */
  readonly package: string;
  readonly version?: string;
  readonly from: PluginSource;
  /** Where it is, or was looked for. */
  readonly place: string;
  /** Why, as sentences. */
  readonly reason: string;
  readonly nextSteps?: readonly string[];
}

export interface FoundPackages {
  readonly packages: readonly PluginPackage[];
  readonly setAside: readonly SetAside[];
}

/** A package to look for. */
export interface PackageRequest extends PluginRequest {
  readonly from: PluginSource;
  /** Where names and relative paths are resolved from. */
  readonly folder: string;
  /** Its folder, where that is known already. */
  readonly root?: string;
}

/**
 * What packages say about themselves in their `package.json`. Nothing of them is executed, so that no package can stop or
 * slow a command that does not use it.
 *
 * @example
 * "roble": { "apiVersion": 1, "plugins": [{ "kind": "augmenter", "name": "paper", "module": "./dist/paper.js" }] }
 */
export async function findPackages(requests: readonly PackageRequest[]): Promise<FoundPackages> {
  const packages: PluginPackage[] = [];
  const setAside: SetAside[] = [];
  const ofProject = new Set(requests.filter(({ from }) => from === 'project').map(({ name }) => name));
  for (const request of requests) {
    // Where the project names a package, its choice and its pins count, not what else the machine has.
    if (request.from === 'machine' && ofProject.has(request.name)) continue;
    try {
      const found = await findPackage(request);
      const known = packages.find(({ name }) => name === found.name);
      if (!known) packages.push(found);
      else if (request.from === 'project')
        throw new Unusable(
          `A package ${found.name} is named before it: ${known.root}.`,
          found.root,
          found.version,
        );
    } catch (thrown) {
      const { version, place, message, nextSteps } = asUnusable(thrown, request);
      setAside.push({
        package: request.name,
        from: request.from,
        place,
        reason: describeThrown({ message }),
        ...(version !== undefined && { version }),
        nextSteps: nextSteps.length > 0 ? nextSteps : usualSteps(request),
      });
    }
  }
  return { packages, setAside };
}

/** What to do about a package where nothing better is known. */
const usualSteps = ({ name, from }: PackageRequest): string[] => [
  from === 'machine'
    ? `Use another version of it, or remove it: "roble plugins:uninstall ${name}".`
    : `Use another version of ${name}, or take it out of "plugins" in the configuration.`,
];

/** Why a package cannot be used. */
class Unusable extends Error {
  constructor(
    reason: string,
    readonly place: string,
    readonly version?: string,
    readonly nextSteps: readonly string[] = [],
  ) {
    super(reason);
  }
}

/** What the file system or a damaged package makes fail is no reason to stop, either. */
function asUnusable(thrown: unknown, { name, folder, root }: PackageRequest): Unusable {
  if (thrown instanceof Unusable) return thrown;
  return new Unusable(`It cannot be read: ${(thrown as Error).message}.`, root ?? join(folder, name));
}

/** What a package may hold, before it is checked. */
interface AnyPackage {
  readonly name?: unknown;
  readonly version?: unknown;
  readonly roble?: { readonly apiVersion?: unknown };
  readonly oclif?: { readonly commands?: unknown };
}

/** Such as `roble-paper` and `@team/roble-paper`. */
const PACKAGE_NAME = /^(@[a-z0-9~-][a-z0-9._~-]*\/)?[a-z0-9~-][a-z0-9._~-]*$/;

const pluginSchema = z.strictObject({
  kind: z.enum(PLUGIN_KINDS),
  name: z.string().regex(PLUGIN_NAME, 'expected lower-case letters, digits and dashes'),
  module: z.string().min(1),
});

const packageSchema = z.looseObject({
  name: z.string().regex(PACKAGE_NAME, 'expected the name of a package of npm'),
  version: z.string().min(1),
  peerDependencies: z.record(z.string(), z.string()).optional(),
  roble: z.strictObject({
    apiVersion: z.union([z.int(), z.string().regex(/^\d+$/).transform(Number)]),
    plugins: z.array(pluginSchema),
  }),
});

async function findPackage(request: PackageRequest): Promise<PluginPackage> {
  const root = await rootOf(request);
  const said = await readPackage(root, request.from);
  const { name, version, peerDependencies } = said;
  const refuse = (reason: string, ...nextSteps: string[]): never => {
    throw new Unusable(reason, root, version, nextSteps);
  };
  const { satisfies, validRange } = await import('semver');
  const wanted = peerDependencies?.roble;
  if (wanted && validRange(wanted) && !satisfies(robleVersion(), wanted, { includePrerelease: true }))
    refuse(
      `It needs roble ${wanted}; this is ${robleVersion()}.`,
      `Install a version of roble that it takes, or another version of ${name}.`,
    );
  if (request.version !== undefined && !satisfies(version, request.version, { includePrerelease: true }))
    refuse(
      `The configuration asks for version ${request.version}; ${version} is installed.`,
      `Install it: npm install ${name}@${request.version}.`,
    );
  if (request.integrity !== undefined) {
    const found = await integrityOf(root);
    if (found !== request.integrity)
      refuse(
        `Its files are not those that the configuration pins: received ${found}, expected ${request.integrity}.`,
        'Find out who changed them. If the change is wanted, write the new hash into the configuration.',
      );
  }
  return { name, version, from: request.from, root, plugins: await entriesOf(root, said) };
}

async function rootOf({ name, folder, from, root }: PackageRequest): Promise<string> {
  const place = root ?? (isPluginPath(name) ? resolve(folder, name) : undefined);
  const file = place ? join(place, 'package.json') : installedPackage(name, folder);
  const found = file && (await realpath(file).catch(() => undefined));
  if (found) return resolve(found, '..');
  const how =
    from === 'machine'
      ? [`Install or link it again, or remove it: "roble plugins:uninstall ${name}".`]
      : place
        ? ['Check the path: it names the folder that holds the package.json of the plugin.']
        : [
            `Install it in the project: "npm install ${name}"; or take it out of "plugins" in the configuration.`,
          ];
  throw new Unusable('It is not there.', place ?? join(folder, 'node_modules', name), undefined, how);
}

/** The `package.json` of an installed package, in any `node_modules` from a folder upwards. */
export function installedPackage(name: string, folder: string): string | undefined {
  for (const modules of createRequire(join(folder, 'package.json')).resolve.paths(name) ?? []) {
    const file = join(modules, name, 'package.json');
    if (isFile(file)) return file;
  }
  return undefined;
}

async function readPackage(root: string, from: PluginSource): Promise<z.output<typeof packageSchema>> {
  const file = join(root, 'package.json');
  let given: AnyPackage | null;
  try {
    given = (await readJsonFile(file)) as AnyPackage | null;
  } catch (error) {
    const { message, details } = RobleError.from(error);
    throw new Unusable(`Its package.json cannot be read: ${message}.`, root, undefined, details.nextSteps);
  }
  const version = typeof given?.version === 'string' ? given.version : undefined;
  checkApiVersion(given, root, version);
  const addsCommands = given?.roble === undefined && given?.oclif?.commands !== undefined;
  const noPlugins = { apiVersion: PLUGIN_API_VERSION, plugins: [] };
  const parsed = packageSchema.safeParse(addsCommands ? { ...given, roble: noPlugins } : given);
  if (addsCommands && from === 'project')
    throw new Unusable(
      'It adds nothing but commands, and these come from the plugins of the machine.',
      root,
      version,
      [`Install it by "roble plugins:install ${given?.name}", or link it by "roble plugins:link ${root}".`],
    );
  if (parsed.success) return parsed.data;
  const reason = given?.roble
    ? `Its package.json does not say properly what it adds: ${describeIssues(
        parsed.error.issues,
        given,
        () => file,
        inputJsonSchema(packageSchema),
      )
        .map(({ path, message }) => `${path}: ${message}`)
        .join('; ')}.`
    : 'It is no package of plugins: its package.json has no section "roble".';
  throw new Unusable(reason, root, version);
}

/** Of what another version may say, only the number is known. */
function checkApiVersion(given: AnyPackage | null, root: string, version: string | undefined): void {
  const wanted = Number(given?.roble?.apiVersion ?? PLUGIN_API_VERSION);
  if (!Number.isInteger(wanted) || wanted === PLUGIN_API_VERSION) return;
  throw new Unusable(
    `It is made for version ${wanted} of the plugin interface; this roble has version ${PLUGIN_API_VERSION}.`,
    root,
    version,
    [wanted > PLUGIN_API_VERSION ? 'Update roble.' : `Look for a newer version of ${given?.name}.`],
  );
}

async function entriesOf(
  root: string,
  { name, version, roble: { plugins } }: z.output<typeof packageSchema>,
): Promise<PluginEntry[]> {
  return plugins.map(({ module, ...plugin }) => {
    const written = resolve(root, module);
    const file = isFile(written) ? realpathSync(written) : written;
    if (!file.startsWith(root + sep) || file.slice(root.length).includes(`${sep}node_modules${sep}`))
      throw new Unusable(
        `Its ${plugin.kind} "${plugin.name}" lies outside of the package: ${module}.`,
        root,
        version,
      );
    if (!isFile(file))
      throw new Unusable(
        `Its ${plugin.kind} "${plugin.name}" lacks its module: there is no ${module}.`,
        root,
        version,
        ['A package that is linked may have to be built first.'],
      );
    return {
      ...plugin,
      apiVersion: PLUGIN_API_VERSION,
      module: pathToFileURL(file).href,
      package: { name, version },
    };
  });
}

function isFile(path: string): boolean {
  try {
    return statSync(path).isFile();
  } catch {
    // Whatever is in the way, there is no module.
    return false;
  }
}

/** A package that cannot be used, in a sentence or two. */
export const describeSetAside = ({ package: name, version, place, reason }: SetAside): string =>
  `${name}${version === undefined ? '' : ` ${version}`} (${place}). ${reason}`;
