import { failedBy, ok, skipped } from '../../base/diagnosis.js';
import { layersOf } from '../../learning/presets.js';
import { type DoctorCheck, usable } from './subject.js';

export const configurationChecks: readonly DoctorCheck[] = [
  {
    id: 'configuration',
    title: 'Configuration',
    run({ configuration }) {
      if ('fault' in configuration) return failedBy(configuration.fault);
      const { files } = configuration;
      return ok(files.length === 0 ? 'no file; the defaults are used' : files.join(', '));
    },
  },
  {
    id: 'model',
    title: 'Network',
    run(subject) {
      const { settings } = usable(subject) ?? {};
      if (!settings) return skipped('the configuration cannot be used');
      const layers = layersOf(settings.model).length;
      return ok(`${settings.model.preset ?? 'layers of the configuration'} (${layers} layers)`);
    },
  },
];
