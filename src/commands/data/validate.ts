import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';
import { RobleCommand } from '../../base-command.js';
import type { Context } from '../../core/base/context.js';
import { EXIT } from '../../core/base/errors.js';
import { listFlag } from '../../flags/values.js';
import type { ValidationResult } from '../../library.js';
import { validationLines } from '../../ui/results/validation.js';
import { terminalOptions } from '../../ui/terminal/style.js';

export default class DataValidate extends RobleCommand<ValidationResult> {
  static override summary =
    'Check a data set for leaks, duplicates, wrong labels, and pictures worth a look.';
  static override description =
    'The data set is not changed; --apply writes another one without what was found. The exit code is 4 when something is found that is as bad as --fail-on says.';
  static override args = { dataset: Args.string({ description: 'Folder of the data set.' }) };
  static override flags = {
    model: Flags.string({
      helpValue: 'BUNDLE',
      description: 'Judge the labels with a trained model, best not one that was trained on them.',
    }),
    only: listFlag({ helpValue: 'CHECK,...', description: 'Run these checks only.' }),
    skip: listFlag({ helpValue: 'CHECK,...', description: 'Run all checks but these.' }),
    'fail-on': Flags.option({
      options: ['error', 'warning', 'never'] as const,
      description: 'What ends with exit code 4 (error).',
    })(),
    html: Flags.string({ helpValue: 'FILE', description: 'Write a report as one page, with pictures.' }),
    force: Flags.boolean({ dependsOn: ['html'], description: 'Replace the report if it exists.' }),
    apply: Flags.string({ helpValue: 'DIR', description: 'Write a data set without what --remove says.' }),
    remove: listFlag({
      dependsOn: ['apply'],
      helpValue: 'KIND,...',
      description:
        'What --apply leaves out: leaks, duplicates, near-duplicates, blank, labels (leaks,duplicates,blank).',
    }),
  };
  static override examples = [
    '<%= config.bin %> <%= command.id %> data/letters --html report.html',
    '<%= config.bin %> <%= command.id %> data/letters --model runs/run-0001/model --only suspicious-labels --html labels.html',
    '<%= config.bin %> <%= command.id %> data/letters --apply data/clean --remove leaks,duplicates,labels',
    '<%= config.bin %> <%= command.id %> data/letters --only leaks,structure --fail-on warning',
  ];

  protected async execute(context: Context): Promise<ValidationResult> {
    const { args, flags } = await this.parse(DataValidate);
    const config = await this.loadConfig({ dataset: { value: args.dataset, flag: 'DATASET' } });
    const { parseRemovedKinds } = await import('../../core/data/validate/clean.js');
    const { hasFindings } = await import('../../core/data/validate/subject.js');
    const { validateDataset } = await import('../../library.js');
    const { model, only, skip, html, force, apply, remove } = flags;
    const result = await validateDataset(
      {
        dataset: config.dataset,
        model,
        only,
        skip,
        html,
        force,
        ...(apply !== undefined && { apply: { out: apply, remove: remove && parseRemovedKinds(remove) } }),
      },
      context,
    );
    const level = flags['fail-on'] ?? 'error';
    if (level !== 'never' && hasFindings(result, level)) this.exitCode = EXIT.data;
    return result;
  }

  protected render(result: ValidationResult): void {
    const options = terminalOptions(process.stdout, process.env);
    for (const line of validationLines(result, options)) this.log(line);
  }
}
