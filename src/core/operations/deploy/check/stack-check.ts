import type { StackFolder } from './stack-folder.js';

/** What is wrong with a stack. */
export interface StackFinding {
  /** `error`: it would not work, or not be safe; `warning`: it works, until something happens. */
  readonly severity: 'error' | 'warning';
  /** Relative to the folder of the stack. */
  readonly file: string;
  readonly message: string;
  /** What to do about it. */
  readonly fix: string;
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

export interface StackCheck {
  readonly title: string;
  run(stack: StackFolder): Promise<CheckOutcome>;
}

export const error = (file: string, message: string, fix: string): StackFinding => ({
  severity: 'error',
  file,
  message,
  fix,
});
export const warning = (file: string, message: string, fix: string): StackFinding => ({
  severity: 'warning',
  file,
  message,
  fix,
});
/** Of what `deploy:compose` writes. */
export const missingFile = (file: string): StackFinding =>
  error(file, 'is missing', 'Run "roble deploy:compose" again.');
export const missingProgram = (program: string, debianPackage: string, what: string): NotChecked => ({
  what,
  why: `${program} is not installed (Debian: ${debianPackage})`,
});

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
