import { failed, ok, skipped, warning } from '../../base/diagnosis.js';
import { countOf } from '../../base/text/text.js';
import { listPlugins } from '../../plugin/list-plugins.js';
import { describeSetAside } from '../../plugin/packages.js';
import type { DoctorCheck } from './subject.js';

export const pluginChecks: readonly DoctorCheck[] = [
  {
    id: 'plugin-packages',
    title: 'Packages of plugins',
    run({ registry: { packages, setAside } }) {
      if (setAside.length > 0)
        return failed(
          `${countOf(setAside.length, 'package')} set aside: ${setAside.map(describeSetAside).join(' ')}`,
          ...setAside.flatMap(({ nextSteps = [] }) => nextSteps),
        );
      if (packages.length === 0) return skipped('none from outside');
      return ok(packages.map(({ name, version, from }) => `${name} ${version} (${from})`).join(', '));
    },
  },
  {
    id: 'plugins',
    title: 'Plugins',
    async run({ registry }) {
      if (registry.packages.length === 0) return skipped('none from outside');
      const { packages } = await listPlugins(registry);
      const plugins = packages.flatMap((each) => each.plugins);
      const faults = plugins.flatMap(({ fault }) => fault ?? []);
      if (faults.length > 0) return warning(faults.join(' '), '"roble plugins" shows all plugins.');
      return ok(
        plugins.map(({ kind, name, loadMs = 0 }) => `${kind} ${name} (${loadMs.toFixed(0)} ms)`).join(', '),
      );
    },
  },
];
