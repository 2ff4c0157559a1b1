import { resolve } from 'node:path';
import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';
import { RobleCommand } from '../../base-command.js';
import type { Context } from '../../core/base/context.js';
import { EXIT } from '../../core/base/errors.js';
import type { StackReport } from '../../core/operations/deploy/check/check-stack.js';
import { STACK_CHECKS } from '../../core/operations/deploy/check/stack-check.js';

export default class DeployCheck extends RobleCommand<StackReport> {
  static override summary = 'Look for mistakes in a production stack, without Docker.';
  static override description =
    'Tries the configurations with the real programs where they are installed (nginx, redis-server, PostgreSQL, promtool), and says what it could not check. Ends with 4 when there are errors.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> deploy',
    '<%= config.bin %> <%= command.id %> deploy --strict',
  ];
  static override args = {
    folder: Args.string({ description: 'Folder of the stack (deploy).', ignoreStdin: true }),
  };
  static override flags = {
    only: Flags.option({
      description: 'Make this check alone; may be given several times.',
      options: STACK_CHECKS,
      multiple: true,
    })(),
    strict: Flags.boolean({
      description: 'End with 4 for warnings, and for what could not be checked, too.',
    }),
  };

  protected async execute(context: Context): Promise<StackReport> {
    const { args, flags } = await this.parse(DeployCheck);
    const { checkStack } = await import('../../library.js');
    const report = await checkStack(resolve(args.folder ?? 'deploy'), context, flags.only);
    const findings = report.checks.flatMap((check) => check.findings);
    const missed = report.checks.flatMap((check) => check.notChecked);
    if (
      findings.some(({ severity }) => flags.strict || severity === 'error') ||
      (flags.strict && missed.length > 0)
    )
      this.exitCode = EXIT.data;
    return report;
  }

  protected async render(report: StackReport): Promise<void> {
    const { terminalOptions } = await import('../../ui/terminal/style.js');
    const { stackReportLines } = await import('../../ui/results/stack.js');
    for (const line of stackReportLines(report, terminalOptions(process.stdout, process.env))) this.log(line);
  }
}
