import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';
import { RobleCommand } from '../../base-command.js';
import type { Context } from '../../core/base/context.js';
import { EXIT, RobleError } from '../../core/base/errors.js';
import { boundFlags, parseBounds } from '../../flags/bounds.js';
import { givenFlags } from '../../flags/values.js';
import type { HistoryAnalysis } from '../../library.js';
import { historyLines } from '../../ui/results/history.js';
import { terminalOptions } from '../../ui/terminal/style.js';

export default class HistoryAnalyze extends RobleCommand<HistoryAnalysis> {
  static override summary = 'Analyse the history of training runs: what happened, what to try next, and why.';
  static override description =
    'Takes run folders and history files, of Keras and PyTorch programs too. The exit code is 4 when a bound is missed.';
  static override strict = false;
  static override examples = [
    '<%= config.bin %> <%= command.id %> runs/run-0001',
    '<%= config.bin %> <%= command.id %> runs/run-0001 --html report.html --png curves.png',
    '<%= config.bin %> <%= command.id %> runs/* --compare',
    '<%= config.bin %> <%= command.id %> history.json --fail-under valAccuracy=0.8 --fail-over valLoss=0.7',
  ];

  static override args = {
    runs: Args.string({ description: 'Run folders or history files.', ignoreStdin: true }),
  };

  static override flags = {
    compare: Flags.boolean({ description: 'Rank the runs, with paired statistics over their seeds.' }),
    metric: Flags.string({
      helpValue: 'NAME',
      dependsOn: ['compare'],
      description: 'Metric to rank by, instead of the one that the runs monitor.',
    }),
    ...boundFlags(
      'Bound that a metric of the best epoch must reach.',
      'Bound that a metric of the best epoch must not exceed.',
    ),
    html: Flags.string({ helpValue: 'FILE', description: 'Write a report as one page.' }),
    svg: Flags.string({ helpValue: 'FILE', description: 'Write the plots as SVG.' }),
    png: Flags.string({ helpValue: 'FILE', description: 'Write the plots as PNG.' }),
    csv: Flags.string({ helpValue: 'FILE', description: 'Write the metrics of every epoch.' }),
    force: Flags.boolean({ description: 'Replace files that exist.' }),
  };

  protected async execute(context: Context): Promise<HistoryAnalysis> {
    const { argv, flags } = await this.parse(HistoryAnalyze);
    if (argv.length === 0)
      throw new RobleError('ROBLE_USAGE', 'There is no run to analyse.', {
        expected: 'RUN: the folder of a run, or the file of a history',
      });
    const { analyzeRuns } = await import('../../library.js');
    const analysis = await analyzeRuns(
      {
        runs: argv as string[],
        bounds: parseBounds(flags),
        compare: flags.compare && flags.metric !== undefined ? { metric: flags.metric } : flags.compare,
        files: givenFlags(flags, ['html', 'svg', 'png', 'csv']),
        force: flags.force,
      },
      context,
    );
    if (analysis.bounds.some(({ met }) => !met)) this.exitCode = EXIT.data;
    return analysis;
  }

  protected render(analysis: HistoryAnalysis): void {
    const options = terminalOptions(process.stdout, process.env);
    for (const line of historyLines(analysis, options)) this.log(line);
  }
}
