import type { Diagnosis } from '../../base/diagnosis.js';
import type { RobleError } from '../../base/errors.js';
import type { Check } from '../../base/findings.js';
import type { MachineView } from '../../base/process/machine.js';
import type { ModelChoice } from '../../learning/settings.js';
import type { PluginRegistry } from '../../plugin/registry.js';
import type { ServeOptions } from '../../serving/settings.js';
import type { MachineFacts } from '../gpu/facts.js';

/** The part of a project's configuration that has something outside which may be in the way. */
export interface ExaminedSettings {
  readonly dataset: string;
  readonly runs: string;
  readonly model: ModelChoice;
  readonly train: { readonly engine: string; readonly device: string };
  readonly serve: ServeOptions;
}

/** The configuration as it was found, or why there is none that can be used. */
export type ExaminedConfiguration =
  | {
      readonly files: readonly string[];
      readonly settings: ExaminedSettings;
      /** Whether somebody set the value of a key, such as `serve.port`, or it is a default. */
      isGiven(key: string): boolean;
    }
  | { readonly fault: RobleError };

/** What the checks look at. */
export interface DoctorSubject {
  /** The project's. */
  readonly folder: string;
  readonly configuration: ExaminedConfiguration;
  readonly registry: PluginRegistry;
  readonly view: MachineView;
  /** Found out once, for all that ask. */
  facts(): Promise<MachineFacts>;
}

export type DoctorCheck = Check<DoctorSubject, Diagnosis>;

/** The usable configuration; undefined where there is none, which is a finding of one check alone. */
export function usable({ configuration }: DoctorSubject) {
  return 'fault' in configuration ? undefined : configuration;
}
