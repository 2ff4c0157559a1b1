import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { readJsonFile } from '../../base/storage/text-file.js';
import { packageFiles } from '../../plugin/integrity.js';
import { installedPackage } from '../../plugin/packages.js';
import type { PluginRegistry } from '../../plugin/registry.js';
import type { StackFile } from './render-stack.js';

/** The plugins from outside that the APIs need, as files of the stack. */
export interface StackPlugins {
  /** Where the image has their packages. */
  readonly paths: readonly string[];
  readonly files: readonly StackFile[];
}

/** Where the image has them. */
const FOLDER = '/opt/plugins';

/**
 * The package of a serving backend from outside: its files as they are here, and the versions of its dependencies that are
 * installed here; none for a backend in the box.
 */
export async function stackPlugins(backend: string, registry: PluginRegistry): Promise<StackPlugins> {
  const found = registry.packages.find(({ plugins }) =>
    plugins.some(({ kind, name }) => kind === 'serving-backend' && name === backend),
  );
  if (!found) return { paths: [], files: [] };
  const { name, root } = found;
  const dependencies = { ...(await installedVersions(root)), [name]: `file:./${name}` };
  const own = await Promise.all(
    // Such as .env and .npmrc: what lies hidden in a folder is not for many eyes.
    (await packageFiles(root))
      .filter((path) => !/(^|\/)\./.test(path))
      .map(async (path) => ({
        path: `plugins/${name}/${path}`,
        content: await readFile(join(root, path)),
      })),
  );
  const manifest = `${JSON.stringify({ private: true, dependencies }, null, 2)}\n`;
  return {
    paths: [`${FOLDER}/node_modules/${name}`],
    files: [...own, { path: 'plugins/package.json', content: manifest }],
  };
}

/** The versions of all that a package depends on, as they are installed for it. */
async function installedVersions(
  root: string,
  known: Record<string, string> = {},
): Promise<Record<string, string>> {
  const { dependencies = {} } = (await readJsonFile(join(root, 'package.json'))) as {
    dependencies?: Record<string, string>;
  };
  for (const name of Object.keys(dependencies)) {
    const file = name in known ? undefined : installedPackage(name, root);
    if (!file) continue;
    known[name] = ((await readJsonFile(file)) as { version: string }).version;
    await installedVersions(dirname(file), known);
  }
  return known;
}
