import { type Context, withStep } from '../../../base/context.js';
import { RobleError } from '../../../base/errors.js';
import { accessCheck } from './access.js';
import { dockerfileCheck, workflowsCheck } from './build-files.js';
import { composeCheck } from './compose.js';
import { filesCheck } from './files.js';
import { grafanaCheck, prometheusCheck } from './monitoring.js';
import { nginxCheck } from './nginx.js';
import { postgresCheck } from './postgres.js';
import { redisCheck } from './redis.js';
import { secretsCheck } from './secrets.js';
import {
  error,
  type NotChecked,
  STACK_CHECKS,
  type StackCheck,
  type StackCheckName,
  type StackFinding,
} from './stack-check.js';
import { StackFolder } from './stack-folder.js';

const CHECKS: Readonly<Record<StackCheckName, StackCheck>> = {
  compose: composeCheck,
  dockerfile: dockerfileCheck,
  nginx: nginxCheck,
  redis: redisCheck,
  postgres: postgresCheck,
  prometheus: prometheusCheck,
  grafana: grafanaCheck,
  workflows: workflowsCheck,
  secrets: secretsCheck,
  access: accessCheck,
  files: filesCheck,
};

export interface StackReport {
  readonly folder: string;
  readonly checks: readonly {
    readonly id: StackCheckName;
    readonly title: string;
    readonly findings: readonly StackFinding[];
    readonly notChecked: readonly NotChecked[];
  }[];
}

/**
 * Looks for mistakes in the folder of a stack, without Docker and without a network, with the real programs (nginx,
 * redis-server, PostgreSQL, promtool) where they are installed.
 *
 * @param only the checks to make, by name
 * @throws {RobleError} `ROBLE_STACK_INVALID` for a folder that holds no stack
 */
export async function checkStack(
  folder: string,
  context: Context,
  only: readonly StackCheckName[] = STACK_CHECKS,
): Promise<StackReport> {
  const stack = new StackFolder(folder);
  if (!(await stack.has('docker-compose.yml')) && !(await stack.has('Dockerfile')))
    throw new RobleError('ROBLE_STACK_INVALID', `${folder} holds no stack.`, {
      expected: 'a folder that "roble deploy:compose" wrote',
    });
  const checks = [];
  const told = new Set<string>();
  for (const id of STACK_CHECKS.filter((name) => only.includes(name))) {
    const { title, run } = CHECKS[id];
    context.signal?.throwIfAborted();
    const { findings, notChecked = [] } = await withStep(context, id, title, () => run(stack));
    const unreadable = [...stack.unreadable].filter(([file]) => !told.has(file));
    for (const [file] of unreadable) told.add(file);
    // Whatever else is said about a file that cannot be read follows from that.
    const others = findings.filter(({ file }) => !told.has(file));
    checks.push({ id, title, findings: [...unreadable.map(unreadableFinding), ...others], notChecked });
  }
  return { folder, checks };
}

function unreadableFinding([file, { message, details }]: [string, RobleError]): StackFinding {
  const [fix = 'Mend it, or delete it and run "roble deploy:compose" again.'] = details.nextSteps ?? [];
  return error(file, `cannot be read: ${message}`, fix);
}
