import { join } from 'node:path';
import { readJsonFile } from '../base/storage/text-file.js';
import type { PackageRequest } from './packages.js';

/**
 * The packages that are installed for all projects of a machine, from oclif's own list, which "plugins:install" and
 * "plugins:link" write.
 *
 * @param folder where oclif keeps them
 */
export async function machinePackages(folder: string): Promise<PackageRequest[]> {
  let list: { readonly oclif?: { readonly plugins?: unknown } } | null;
  try {
    list = (await readJsonFile(join(folder, 'package.json'))) as typeof list;
  } catch {
    // None, or one that cannot be read, of which oclif itself warns.
    return [];
  }
  const plugins = list?.oclif?.plugins;
  return (Array.isArray(plugins) ? plugins : []).map((given: unknown) => {
    const { name, root } = { ...(given as { name?: unknown; root?: unknown } | null) };
    return {
      // What is no entry becomes a package that is not there, and so is named.
      name: typeof name === 'string' ? name : `${JSON.stringify(given)} in ${join(folder, 'package.json')}`,
      from: 'machine',
      folder,
      ...(typeof root === 'string' && { root }),
    };
  });
}
