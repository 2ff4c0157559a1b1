import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';
import { RobleCommand } from '../../base-command.js';
import type { Context } from '../../core/base/context.js';
import { EXIT } from '../../core/base/errors.js';
import type { Config } from '../../core/config/schema.js';
import { boundFlags, parseBounds } from '../../flags/bounds.js';
import { sourceFlags, sourceOptions } from '../../flags/sources.js';
import { givenFlags } from '../../flags/values.js';
import type { EvaluationResult } from '../../library.js';
import { evaluationLines } from '../../ui/results/evaluation.js';
import { terminalOptions } from '../../ui/terminal/style.js';

export default class ModelEvaluate extends RobleCommand<EvaluationResult> {
  static override summary =
    'Evaluate a model on labelled pictures: a data set, or anything that data:import reads.';
  static override description =
    'By default the model of the newest run, on the data set of the configuration: its split test, or else validation. ' +
    'Several models are evaluated on the same samples, and compared with the first. The exit code is 4 when a bound is missed.';
  static override strict = false;
  static override examples = [
    '<%= config.bin %> <%= command.id %> data/letters --html evaluation.html',
    '<%= config.bin %> <%= command.id %> photos more-photos.tar.gz --split all --model runs/run-0001/model',
    '<%= config.bin %> <%= command.id %> data/letters --model runs/run-0001/model --model runs/run-0002/model',
    '<%= config.bin %> <%= command.id %> data/letters --url http://127.0.0.1:8080 --fail-under accuracy=0.9',
  ];
  static override args = {
    data: Args.string({
      description: 'Data sets, files, folders or archives; each is evaluated separately.',
      ignoreStdin: true,
    }),
  };
  static override flags = {
    model: Flags.string({
      multiple: true,
      multipleNonGreedy: true,
      helpValue: 'BUNDLE',
      description: 'Model to evaluate; by default that of the newest run.',
    }),
    url: Flags.string({
      multiple: true,
      multipleNonGreedy: true,
      helpValue: 'http://HOST:PORT',
      description: 'Server to evaluate, started by "roble serve".',
    }),
    'api-key': Flags.string({
      description: 'Key for servers; otherwise ROBLE_API_KEY, or what the file ROBLE_API_KEY_FILE holds.',
      dependsOn: ['url'],
    }),
    split: Flags.option({
      options: ['train', 'validation', 'test', 'all'] as const,
      description: 'Which samples to use; by default test where there is one, else validation.',
    })(),
    'top-k': Flags.integer({
      multiple: true,
      multipleNonGreedy: true,
      min: 1,
      description: 'Share whose class is among the K most probable (3 and 5).',
    }),
    'trained-on': Flags.string({
      helpValue: 'DATASET',
      description:
        'Data set that a model was trained on, to find its pictures among those that are evaluated.',
    }),
    ...boundFlags(
      'Bound that a metric must reach, such as accuracy=0.9, balanced=0.85 or top3=0.98.',
      'Bound that a metric must not exceed, such as ece=0.05 or leftOut=0.',
    ),
    html: Flags.string({ helpValue: 'FILE', description: 'Write a report as one page.' }),
    sheet: Flags.string({ helpValue: 'FILE', description: 'Write the worst mistakes as a PNG.' }),
    force: Flags.boolean({ description: 'Replace files that exist.' }),
    threads: Flags.integer({ description: 'Threads of the backend; 0: it chooses.', min: 0 }),
    ...sourceFlags,
  };

  protected async execute(context: Context): Promise<EvaluationResult> {
    const { argv, flags } = await this.parse(ModelEvaluate);
    const config = await this.loadConfig({
      'serve.maxPixels': { value: flags['max-pixels'], flag: '--max-pixels' },
    });
    const { evaluateModel } = await import('../../library.js');
    const { backend, backendOptions, device, maxPixels } = config.serve;
    const result = await evaluateModel(
      {
        ...(await sourceOptions(flags)),
        models: await this.modelsOf(flags, config),
        load: { backend, backendOptions, device, threads: flags.threads ?? 0 },
        maxPixels,
        data: argv.length > 0 ? (argv as string[]) : [config.dataset],
        split: flags.split,
        twins: config.train.twins,
        topK: flags['top-k'],
        trainingData: flags['trained-on'],
        bounds: parseBounds(flags),
        files: givenFlags(flags, ['html', 'sheet']),
        force: flags.force,
      },
      context,
    );
    if (result.bounds.some(({ met }) => !met)) this.exitCode = EXIT.data;
    return result;
  }

  private async modelsOf(
    flags: { model?: string[] | undefined; url?: string[] | undefined; 'api-key'?: string | undefined },
    { runs }: Config,
  ) {
    const { model = [], url = [] } = flags;
    if (model.length + url.length === 0) {
      const { findNewestBundle } = await import('../../core/model/bundle.js');
      const newest = await findNewestBundle(runs);
      this.logToStderr(`Model: ${newest}`);
      return [newest];
    }
    const { variableOrFile } = await import('../../core/config/environment.js');
    const apiKey = flags['api-key'] ?? variableOrFile(process.env, 'ROBLE_API_KEY');
    return [...model, ...url.map((address) => ({ url: address, apiKey }))];
  }

  protected render(result: EvaluationResult): void {
    const options = terminalOptions(process.stdout, process.env);
    for (const line of evaluationLines(result, options)) this.log(line);
  }
}
