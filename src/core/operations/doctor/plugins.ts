import { failed, ok, skipped, warning } from '../../base/diagnosis.js';
import { RobleError } from '../../base/errors.js';
import type { PluginEntry } from '../../plugin/contracts.js';
import { describePlugin } from '../../plugin/guard.js';
import { describeSetAside, type SetAside } from '../../plugin/packages.js';
import type { PluginRegistry } from '../../plugin/registry.js';
import { tryPlugin } from '../../plugin/try-plugin.js';
import type { DoctorCheck } from './subject.js';

/** One check for all packages that are in use, one for each that is set aside, and one for each plugin. */
export function pluginChecks({ packages, setAside, entries }: PluginRegistry): DoctorCheck[] {
  const used = packages.map(({ name, version, from }) => `${name} ${version} (${from})`);
  return [
    {
      id: 'plugin-packages',
      title: 'Packages of plugins',
      run: () => (used.length > 0 ? ok(used.join(', ')) : skipped('none from outside')),
    },
    ...setAside.map(checkOfSetAside),
    ...entries.filter((entry) => entry.package).map(checkOfPlugin),
  ];
}

const checkOfSetAside = (found: SetAside): DoctorCheck => ({
  id: `plugin-package ${found.package}`,
  title: 'A package is set aside',
  run: () => failed(describeSetAside(found), ...(found.nextSteps ?? [])),
});

const checkOfPlugin = (entry: PluginEntry): DoctorCheck => ({
  id: `plugin ${entry.kind} ${entry.name}`,
  title: 'Plugin',
  async run() {
    try {
      const { loadMs } = await tryPlugin(entry);
      return ok(`${describePlugin(entry)} loads in ${loadMs.toFixed(0)} ms`);
    } catch (thrown) {
      const { message, details } = RobleError.from(thrown);
      return warning(message, ...(details.nextSteps ?? []));
    }
  },
});
