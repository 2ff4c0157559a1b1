import * as Flags from '@oclif/core/flags';
import { RobleCommand } from '../../base-command.js';
import type { Context } from '../../core/base/context.js';
import { RobleError } from '../../core/base/errors.js';
import { countOf } from '../../core/base/text/text.js';
import { parseTime } from '../../flags/values.js';
import { standardStreams } from '../../ui/terminal/standard-streams.js';

interface ExportedPredictions {
  readonly out: string | null;
  readonly count: number;
}

export default class PredictionsExport extends RobleCommand<ExportedPredictions> {
  static override summary = 'Write the log of a server as CSV or JSON lines.';
  static override description =
    'The oldest prediction comes first. Any number of predictions is written in constant memory, even while the server runs.';
  static override flags = {
    from: Flags.string({
      helpValue: 'URL|FILE',
      description: 'Database of the log; otherwise serve.predictions.url.',
    }),
    since: Flags.string({
      helpValue: 'TIME',
      description: 'Only since then: 2026-03-31, 2026-03-31T18:30 (UTC), or 7d, 24h, 30m ago.',
    }),
    until: Flags.string({ helpValue: 'TIME', description: 'Only before then.' }),
    label: Flags.string({ description: 'Only predictions of this class.' }),
    feedback: Flags.boolean({ description: 'Only predictions with feedback.' }),
    pixels: Flags.boolean({ description: 'Include the stored pictures, in base64.' }),
    format: Flags.option({
      options: ['csv', 'jsonl'] as const,
      description: 'Form of the output.',
      default: 'csv' as const,
    })(),
    out: Flags.string({ helpValue: 'FILE', description: 'File to create; otherwise standard output.' }),
  };
  static override examples = [
    '<%= config.bin %> <%= command.id %> --since 7d --out week.csv',
    '<%= config.bin %> <%= command.id %> --from postgres://roble@db/roble --feedback --format jsonl',
  ];

  protected async execute(context: Context): Promise<ExportedPredictions> {
    const { flags } = await this.parse(PredictionsExport);
    const config = await this.loadConfig({
      'serve.predictions.url': { value: flags.from, flag: '--from' },
    });
    const { url } = config.serve.predictions;
    if (url === 'none')
      throw new RobleError('ROBLE_USAGE', 'There is no log to export.', {
        expected: '--from, or serve.predictions.url',
      });
    if (flags.out === undefined && this.jsonEnabled())
      throw new RobleError('ROBLE_USAGE', 'With --json, standard output is for the result.', {
        expected: '--out FILE',
      });
    const { exportPredictions } = await import('../../core/serving/predictions/read-predictions.js');
    const { since, until, label, feedback, pixels, format, out } = flags;
    const count = await exportPredictions(
      {
        from: url,
        since: since === undefined ? undefined : parseTime(since, '--since'),
        until: until === undefined ? undefined : parseTime(until, '--until'),
        label,
        withFeedback: feedback,
        pixels,
        format,
        out: out ?? standardStreams().output.open(),
      },
      context,
    );
    return { out: out ?? null, count };
  }

  protected render({ out, count }: ExportedPredictions): void {
    const text = countOf(count, 'prediction');
    if (out === null) this.logToStderr(text);
    else this.log(`${out}: ${text}`);
  }
}
