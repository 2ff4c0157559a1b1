import * as Flags from '@oclif/core/flags';
import { RobleCommand } from '../../base-command.js';
import type { Context } from '../../core/base/context.js';
import { EXIT } from '../../core/base/errors.js';
import { parseHeaders, parseLabels } from '../../flags/monitoring.js';
import type { KpiReport as Report } from '../../library.js';
import { kpiLines } from '../../ui/results/kpi.js';
import { terminalOptions } from '../../ui/terminal/style.js';

const WINDOW = '30d';

export default class KpiReport extends RobleCommand<Report> {
  static override summary = 'Compare what was measured with the targets under "kpis" of the configuration.';
  static override description =
    'Accuracy and time per epoch are those of a run; latency and availability those of a load test or of a Prometheus. The exit code is 4 when a target is missed.';
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> --run runs/run-0002 --load load.json --strict',
    '<%= config.bin %> <%= command.id %> --prometheus http://127.0.0.1:9090 --window 7d --markdown kpis.md',
  ];

  static override flags = {
    run: Flags.string({
      helpValue: 'RUN',
      description: 'Run folder or history file, instead of the newest run.',
    }),
    load: Flags.string({
      helpValue: 'FILE',
      exclusive: ['prometheus'],
      description: 'Load test, as "serve:bench --json" writes it.',
    }),
    prometheus: Flags.string({ helpValue: 'URL', description: 'Prometheus that scrapes the server.' }),
    window: Flags.string({
      helpValue: 'TIME',
      dependsOn: ['prometheus'],
      description: `How far back to look in Prometheus, such as 12h or 7d (${WINDOW}).`,
    }),
    match: Flags.string({
      multiple: true,
      multipleNonGreedy: true,
      helpValue: 'LABEL=VALUE',
      dependsOn: ['prometheus'],
      description: 'Label of the server in Prometheus, where that watches several.',
    }),
    header: Flags.string({
      multiple: true,
      multipleNonGreedy: true,
      helpValue: 'NAME:VALUE',
      dependsOn: ['prometheus'],
      description: 'Header of every request to Prometheus.',
    }),
    strict: Flags.boolean({ description: 'What could not be measured counts as missed.' }),
    markdown: Flags.string({ helpValue: 'FILE', description: 'Write the comparison as a page.' }),
    force: Flags.boolean({ description: 'Replace a page that exists.' }),
  };

  protected async execute(context: Context): Promise<Report> {
    const { flags } = await this.parse(KpiReport);
    const { kpis, runs } = await this.loadConfig();
    const { reportKpis } = await import('../../library.js');
    const { run, load, prometheus: url, markdown, force } = flags;
    const prometheus = url !== undefined && {
      url,
      window: flags.window ?? WINDOW,
      labels: parseLabels(flags.match ?? []),
      headers: parseHeaders(flags.header ?? []),
    };
    const service = load !== undefined ? { load } : prometheus ? { prometheus } : undefined;
    const report = await reportKpis({ kpis, runs, run, service, markdown, force }, context);
    const fails = flags.strict ? ['missed', 'not-measured'] : ['missed'];
    if (report.kpis.some(({ status }) => fails.includes(status))) this.exitCode = EXIT.data;
    return report;
  }

  protected render(report: Report): void {
    for (const line of kpiLines(report, terminalOptions(process.stdout, process.env))) this.log(line);
  }
}
