/** Engines, devices and backends, without trying devices: `gpu:setup` does that, and takes a minute. */
import { failed, ok, skipped, warning } from '../../base/diagnosis.js';
import { didYouMean } from '../../base/text/text.js';
import { type MeasuredDevice, readMeasured } from '../../learning/devices.js';
import { MACHINE_CHECKS } from '../gpu/checks.js';
import { listDevices } from '../gpu/measure-devices.js';
import { verdictOn } from '../gpu/set-up.js';
import { type DoctorCheck, type DoctorSubject, usable } from './subject.js';

const ANSWER_MS = 20_000;
const TRY = '"roble gpu:setup" tries and times every device, and says what is in the way.';

/** Those of the machine and its GPU are the ones of `gpu:setup`. */
export const gpuChecks: readonly DoctorCheck[] = MACHINE_CHECKS.map((check) => ({
  ...check,
  run: async ({ facts }) => check.run(await facts()),
}));

export const computeChecks: readonly DoctorCheck[] = [
  {
    id: 'engine',
    title: 'Engine and device for training',
    async run(subject) {
      const { registry } = subject;
      const asked = usable(subject)?.settings.train ?? { engine: 'onnx', device: 'auto' };
      const names = namesOf(subject, 'training-engine');
      if (!names.includes(asked.engine)) return unknownPlugin('train.engine', asked.engine, names);
      const listed = await listDevices(asked.engine, registry.entries, { timeoutMs: ANSWER_MS });
      if ('reason' in listed) return failed(`the engine ${asked.engine} is not here: ${listed.reason}`, TRY);
      const measured = await readMeasured(registry);
      const known = measured?.devices.filter(({ engine }) => engine === asked.engine) ?? [];
      const devices: MeasuredDevice[] = listed.result.map(
        ({ id, description, kind = id === 'cpu' ? 'cpu' : 'gpu', software = false }) =>
          known.find(({ device }) => device === id) ?? {
            engine: asked.engine,
            device: id,
            description,
            kind,
            software,
            usable: true,
          },
      );
      const { usable: isUsable, reason } = verdictOn(asked, devices, []);
      const text = `${asked.engine}: ${devices.map(({ device }) => device).join(', ')}`;
      if (!isUsable) return failed(`${text}; ${asked.device} cannot be used: ${reason}`, TRY);
      const hasGpu = devices.some(({ kind, software }) => kind === 'gpu' && !software);
      if (measured === undefined && hasGpu && asked.device === 'auto')
        return warning(`${text}; none was measured, so that "auto" takes the CPU`, TRY);
      return ok(`${text}; ${asked.device} is configured`);
    },
  },
  {
    id: 'other-engines',
    title: 'Other training engines',
    async run(subject) {
      const asked = usable(subject)?.settings.train.engine ?? 'onnx';
      const others = namesOf(subject, 'training-engine').filter((name) => name !== asked);
      if (others.length === 0) return skipped('there are none');
      const lines: string[] = [];
      for (const engine of others) {
        const listed = await listDevices(engine, subject.registry.entries, { timeoutMs: ANSWER_MS });
        lines.push(
          'reason' in listed
            ? `${engine} is not here: ${listed.reason}`
            : `${engine}: ${listed.result.map(({ id }) => id).join(', ')}`,
        );
      }
      return ok(lines.join('; '));
    },
  },
  {
    id: 'serving-backend',
    title: 'Backend for serving',
    run(subject) {
      const asked = usable(subject)?.settings.serve.backend ?? 'onnx';
      const names = namesOf(subject, 'serving-backend');
      return names.includes(asked) ? ok(asked) : unknownPlugin('serve.backend', asked, names);
    },
  },
];

const namesOf = ({ registry }: DoctorSubject, wanted: string) =>
  registry.entries.filter(({ kind }) => kind === wanted).map(({ name }) => name);

function unknownPlugin(key: string, name: string, names: readonly string[]) {
  return failed(
    `there is no "${name}", which ${key} names`,
    ...didYouMean(name, names),
    `It is one of ${names.join(', ')}.`,
  );
}
