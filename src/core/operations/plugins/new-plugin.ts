import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { RobleError } from '../../base/errors.js';
import { createFolder } from '../../base/storage/durable.js';
import { exists, withSlashes } from '../../base/storage/files.js';
import { readJsonFile } from '../../base/storage/text-file.js';
import { fillTemplate } from '../../base/text/template.js';
import { robleVersion } from '../../base/version.js';
import { PLUGIN_API_VERSION, PLUGIN_NAME, type PluginKind } from '../../plugin/contracts.js';
import type { PluginRegistry } from '../../plugin/registry.js';

export interface NewPluginOptions {
  /** Of the plugin; its package is called `roble-NAME`. */
  readonly name: string;
  readonly kind: PluginKind;
  /** Folder of the package, which must not be there yet. */
  readonly folder: string;
  /** Folder or npm archive (.tgz) of the roble to build and test with; by default the version that runs, from the registry of npm. */
  readonly roble?: string | undefined;
}

export interface NewPlugin {
  readonly package: string;
  readonly kind: PluginKind;
  readonly folder: string;
  /** What was written, relative to the folder. */
  readonly files: readonly string[];
}

const TITLES: Readonly<Record<PluginKind, string>> = {
  augmenter: 'An augmenter',
  'serving-backend': 'A serving backend',
  'training-engine': 'A training engine',
  reader: 'A reader of a format of data',
  preset: 'An architecture with its recipe',
};

/**
 * Writes a package with a plugin that works, for its author to change: TypeScript, with tests that pass and that fail when
 * the plugin does not do what its kind has to.
 *
 * @throws {RobleError} `ROBLE_USAGE`, `ROBLE_FILE_NOT_FOUND`, `ROBLE_OUTPUT_EXISTS`, `ROBLE_WRITE_FAILED`
 */
export async function newPlugin(options: NewPluginOptions, registry: PluginRegistry): Promise<NewPlugin> {
  const { name, kind, folder } = options;
  checkName(kind, name, registry);
  const files = await renderPlugin(options);
  await createFolder(folder, async (temporary) => {
    for (const [file, content] of Object.entries(files)) {
      await mkdir(dirname(join(temporary, file)), { recursive: true });
      await writeFile(join(temporary, file), content);
    }
  });
  return { package: packageOf(name), kind, folder, files: Object.keys(files) };
}

/** The files of a new package by their paths in it. */
export async function renderPlugin({
  name,
  kind,
  folder,
  roble,
}: NewPluginOptions): Promise<Record<string, string>> {
  const values = {
    name,
    kind,
    package: packageOf(name),
    title: TITLES[kind],
    version: robleVersion(),
    apiVersion: PLUGIN_API_VERSION,
    roble: roble === undefined ? `^${robleVersion()}` : await linkTo(roble, folder),
  };
  const fill = (file: string) => fillTemplate(`plugin/${file}`, values);
  return {
    'package.json': await fill('package.json'),
    'tsconfig.json': await fill('tsconfig.json'),
    // npm leaves out files of that name when it packs roble itself.
    '.gitignore': await fill('gitignore'),
    'README.md': await fill('README.md'),
    [`src/${name}.ts`]: await fill(`${kind}/plugin.ts`),
    [`src/${name}.test.ts`]: await fill(`${kind}/plugin.test.ts`),
  };
}

/** The name of the package of a plugin. */
export const packageOf = (name: string): string => `roble-${name}`;

function checkName(kind: PluginKind, name: string, registry: PluginRegistry): void {
  if (!PLUGIN_NAME.test(name))
    throw new RobleError('ROBLE_USAGE', `A plugin cannot be called "${name}".`, {
      received: name,
      expected: 'lower-case letters, digits and dashes, with a letter first',
    });
  if (registry.has(kind, name))
    throw new RobleError('ROBLE_USAGE', `There is a plugin "${name}" of kind ${kind} already.`, {
      received: name,
      expected: `another name than ${registry.names(kind).join(', ')}`,
    });
}

/** A roble in a folder or an archive, as the `package.json` of a package in another folder names it. */
async function linkTo(roble: string, folder: string): Promise<string> {
  const isArchive = roble.endsWith('.tgz');
  const file = isArchive ? roble : join(roble, 'package.json');
  if (!(await exists(file)))
    throw new RobleError('ROBLE_FILE_NOT_FOUND', `There is no roble to build with: ${file} is not there.`);
  const { name } = isArchive ? { name: 'roble' } : ((await readJsonFile(file)) as { name?: unknown });
  if (name !== 'roble')
    throw new RobleError('ROBLE_USAGE', `${file} is not that of roble.`, {
      received: name,
      expected: 'roble',
    });
  return `file:${withSlashes(relative(resolve(folder), resolve(roble)))}`;
}
