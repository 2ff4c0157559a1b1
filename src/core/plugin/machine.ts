import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isAbsent } from '../base/storage/files.js';
import type { PackageRequest } from './packages.js';

/** What "plugins:install" and "plugins:link" write: oclif's own list. */
interface OclifList {
  readonly oclif?: {
    readonly plugins?: readonly { readonly name?: string; readonly type?: string; readonly root?: string }[];
  };
}

/**
 * The packages that are installed for all projects of a machine.
 *
 * @param folder where oclif keeps them
 */
export async function machinePackages(folder: string): Promise<PackageRequest[]> {
  let list: OclifList | null;
  try {
    list = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as OclifList | null;
  } catch (error) {
    // oclif itself warns of a list that it cannot read.
    if (isAbsent(error) || error instanceof SyntaxError) return [];
    throw error;
  }
  return (list?.oclif?.plugins ?? []).flatMap(({ name, root }) =>
    name === undefined
      ? []
      : [{ name, from: 'machine' as const, folder, ...(root !== undefined && { root }) }],
  );
}
