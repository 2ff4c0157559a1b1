import type { Context } from '../../../base/context.js';
import { RobleError } from '../../../base/errors.js';
import { runChecks } from '../../../base/findings.js';
import { accessCheck } from './access.js';
import { dockerfileCheck, workflowsCheck } from './build-files.js';
import { composeCheck } from './compose.js';
import { type CheckConfig, filesCheck } from './files.js';
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

const checksByName = (checkConfig: CheckConfig): Readonly<Record<StackCheckName, StackCheck>> => ({
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
  files: filesCheck(checkConfig),
});

export interface CheckStackOptions {
  readonly folder: string;
  /** The checks to run, by name; default: all. */
  readonly only?: readonly StackCheckName[] | undefined;
  readonly checkConfig: CheckConfig;
}

export interface StackReport {
  readonly folder: string;
  readonly checks: readonly {
    readonly id: StackCheckName;
    readonly title: string;
    readonly findings: readonly ReportedFinding[];
    readonly notChecked: readonly NotChecked[];
  }[];
}

/** A finding with what mends it as `fix`. */
export interface ReportedFinding extends Pick<StackFinding, 'severity' | 'file' | 'message'> {
  readonly fix: string;
}

/**
 * Looks for mistakes in the folder of a stack, without Docker and without a network, with the real programs (nginx,
 * redis-server, PostgreSQL, promtool) where they are installed.
 *
 * @throws {RobleError} `ROBLE_STACK_INVALID` for a folder that holds no stack
 */
export async function checkStack(
  { folder, only = STACK_CHECKS, checkConfig }: CheckStackOptions,
  context: Context,
): Promise<StackReport> {
  const stack = new StackFolder(folder);
  if (!(await stack.has('docker-compose.yml')) && !(await stack.has('Dockerfile')))
    throw new RobleError('ROBLE_STACK_INVALID', `${folder} holds no stack.`, {
      expected: 'a folder that "roble deploy:compose" wrote',
    });
  const byName = checksByName(checkConfig);
  const chosen = STACK_CHECKS.filter((id) => only.includes(id)).map((id) => ({ id, ...byName[id] }));
  const checks = [];
  const reported = new Set<string>();
  for await (const [{ id, title }, { findings, notChecked = [] }] of runChecks(chosen, stack, context)) {
    const unreadable = [...stack.unreadable].filter(([file]) => !reported.has(file));
    for (const [file] of unreadable) reported.add(file);
    // Whatever else is said about a file that cannot be read follows from that.
    const others = findings.filter(({ file }) => !reported.has(file));
    const all = [...unreadable.map(unreadableFinding), ...others];
    checks.push({
      id,
      title,
      findings: all.map(({ suggestion, ...finding }) => ({ ...finding, fix: suggestion })),
      notChecked,
    });
  }
  return { folder, checks };
}

function unreadableFinding([file, { message, details }]: [string, RobleError]): StackFinding {
  const [fix = 'Mend it, or delete it and run "roble deploy:compose" again.'] = details.nextSteps ?? [];
  return error(file, `cannot be read: ${message}`, fix);
}
