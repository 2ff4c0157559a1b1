import type { Check, Finding } from '../../../base/findings.js';
import type { StackFolder } from './stack-folder.js';

/** What is wrong with a stack. `error`: it would not work, or not be safe; `warning`: it works, until something happens. */
export type StackFinding = Finding<FileOfStack, 'error' | 'warning'>;

interface FileOfStack {
  /** Relative to the folder of the stack. */
  readonly file: string;
  readonly suggestion: string;
}

/** What a check could not look at. */
export interface NotChecked {
  readonly what: string;
  readonly why: string;
}

export interface CheckOutcome {
  readonly findings: readonly StackFinding[];
  readonly notChecked?: readonly NotChecked[];
}

/** The checks of a stack, in the order in which they are made. */
export const STACK_CHECKS = [
  'compose',
  'dockerfile',
  'nginx',
  'redis',
  'postgres',
  'prometheus',
  'grafana',
  'workflows',
  'secrets',
  'access',
  'files',
] as const;
export type StackCheckName = (typeof STACK_CHECKS)[number];

/** Its name is the key under which it is listed. */
export type StackCheck = Omit<Check<StackFolder, CheckOutcome>, 'id'>;

export const error = (file: string, message: string, suggestion: string): StackFinding => ({
  severity: 'error',
  file,
  message,
  suggestion,
});
export const warning = (file: string, message: string, suggestion: string): StackFinding => ({
  severity: 'warning',
  file,
  message,
  suggestion,
});
/** Of what `deploy:compose` writes. */
export const missingFile = (file: string): StackFinding =>
  error(file, 'is missing', 'Run "roble deploy:compose" again.');
export const missingProgram = (program: string, debianPackage: string, what: string): NotChecked => ({
  what,
  why: `${program} is not installed (Debian: ${debianPackage})`,
});
