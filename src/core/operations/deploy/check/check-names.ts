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
