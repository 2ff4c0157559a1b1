import { fileURLToPath } from 'node:url';
import { RobleError } from '../core/base/errors.js';
import { findPackages } from '../core/plugin/packages.js';
import { tryPlugin } from '../core/plugin/try-plugin.js';
import { Faults } from './faults.js';

export interface PackageReport {
  readonly name: string;
  readonly version: string;
  /** What it adds. */
  readonly plugins: readonly {
    readonly kind: string;
    readonly name: string;
    /** Milliseconds that its module took to load. */
    readonly loadMs: number;
  }[];
}

/**
 * Looks at a package as roble does before it uses it: what its `package.json` says, and whether each plugin loads in a
 * thread of its own and is what is said.
 *
 * @param folder of its `package.json`
 * @throws {RobleError} `ROBLE_PLUGIN_INVALID` with all that is wrong
 * @example
 * test('package', () => assertPackage(new URL('..', import.meta.url)));
 */
export async function assertPackage(folder: string | URL): Promise<PackageReport> {
  const root = folder instanceof URL ? fileURLToPath(folder) : folder;
  const faults = Faults.ofThing(`The package in ${root}`);
  const { packages, setAside } = await findPackages([{ name: root, root, folder: root, from: 'project' }]);
  faults.add(...setAside.map(({ reason }) => reason));
  faults.throwIfAny();
  const [found] = packages as [(typeof packages)[0]];
  faults.check(found.plugins.length > 0, 'it adds no plugin');
  const plugins = [];
  for (const entry of found.plugins) {
    const { kind, name } = entry;
    try {
      plugins.push({ kind, name, loadMs: (await tryPlugin(entry)).loadMs });
    } catch (error) {
      faults.add(RobleError.from(error).message);
    }
  }
  faults.throwIfAny();
  return { name: found.name, version: found.version, plugins };
}
