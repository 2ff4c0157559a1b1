import { addAbortSignal } from 'node:stream';
import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';
import { RobleCommand } from '../base-command.js';
import type { Context } from '../core/base/context.js';
import { EXIT, RobleError } from '../core/base/errors.js';
import type { Config } from '../core/config/schema.js';
import type { FilePrediction, ImageInput } from '../core/predict/predict-files.js';
import { predictionCsv, predictionTable } from '../ui/results/predictions.js';

interface PredictResult {
  /** Of a server, where it lies instead of its folder; without a name when no picture was answered. */
  readonly model: {
    readonly folder?: string;
    readonly url?: string;
    readonly name?: string;
    readonly version?: string;
    readonly digest?: string;
  };
  readonly predictions: readonly FilePrediction[];
}

const FORMATS = {
  table: predictionTable,
  json: (results: readonly FilePrediction[]) => [JSON.stringify(results, null, 2)],
  csv: predictionCsv,
};

export default class Predict extends RobleCommand<PredictResult> {
  static override summary = 'Classify images: files, folders, globs or standard input.';
  static override description =
    'An image that cannot be read is reported and does not stop the others; the exit code is then 4.';
  static override strict = false;
  static override examples = [
    '<%= config.bin %> <%= command.id %> picture.png',
    '<%= config.bin %> <%= command.id %> "photos/**/*.jpg" --format csv --top-k 5',
    '<%= config.bin %> <%= command.id %> photos --url http://127.0.0.1:8080',
    'cat picture.png | <%= config.bin %> <%= command.id %> -',
  ];

  static override args = {
    images: Args.string({
      description: 'Files, folders or globs; "-" reads one image from standard input.',
      // oclif would take what is piped in for the name of a file.
      ignoreStdin: true,
    }),
  };

  static override flags = {
    model: Flags.string({ description: 'Folder of the model bundle; by default that of the newest run.' }),
    url: Flags.string({
      description: 'Ask a server that "roble serve" started, instead of loading a model.',
      helpValue: 'http://HOST:PORT',
      exclusive: ['model', 'threads'],
    }),
    'api-key': Flags.string({
      description: 'Key for that server; otherwise ROBLE_API_KEY, or what the file ROBLE_API_KEY_FILE holds.',
      dependsOn: ['url'],
    }),
    'top-k': Flags.integer({ description: 'Classes for each image.', min: 1, default: 3 }),
    format: Flags.option({
      options: ['table', 'json', 'csv'] as const,
      description: 'Form of the output.',
      default: 'table' as const,
    })(),
    'files-from': Flags.string({ description: 'A file with one path a line; "-" is standard input.' }),
    'max-pixels': Flags.integer({
      min: 4,
      description: 'Largest picture that is decoded; by default serve.maxPixels.',
      exclusive: ['url'],
    }),
    threads: Flags.integer({ description: 'Threads of the backend; 0: it chooses.', min: 0 }),
  };

  private format: keyof typeof FORMATS = 'table';

  protected async execute(context: Context): Promise<PredictResult> {
    const { argv, flags } = await this.parse(Predict);
    this.format = flags.format;
    const config = await this.loadConfig({
      'serve.maxPixels': { value: flags['max-pixels'], flag: '--max-pixels' },
    });
    const inputs = await readInputs(argv as string[], flags['files-from'], context);
    const result =
      flags.url === undefined
        ? await this.predictHere(inputs, flags, config, context)
        : await predictThere(inputs, flags.url, flags, context);
    if (result.predictions.some((prediction) => 'error' in prediction)) this.exitCode = EXIT.data;
    return result;
  }

  private async predictHere(
    inputs: readonly ImageInput[],
    flags: { model?: string | undefined; threads?: number | undefined; 'top-k': number },
    config: Config,
    context: Context,
  ): Promise<PredictResult> {
    const { findNewestBundle } = await import('../core/model/bundle.js');
    const { predictFiles } = await import('../core/predict/predict-files.js');
    const { loadModel } = await import('../library.js');
    const folder = flags.model ?? (await findNewestBundle(config.runs));
    if (flags.model === undefined) this.logToStderr(`Model: ${folder}`);
    const { backend, backendOptions, device, maxPixels } = config.serve;
    const about = {
      backend,
      backendOptions,
      device,
      threads: flags.threads ?? 0,
      maxPixels,
      limitName: '--max-pixels (or serve.maxPixels)',
    };
    const model = await loadModel(folder, about, context);
    try {
      const predictions = await predictFiles(model, inputs, flags['top-k'], context);
      return { model: { folder, name: model.manifest.name, digest: model.digest }, predictions };
    } finally {
      await model.close();
    }
  }

  protected render({ predictions }: PredictResult): void {
    for (const line of FORMATS[this.format](predictions)) this.log(line);
    for (const result of predictions)
      if ('error' in result)
        this.logToStderr(`${result.file}: ${result.error.message} [${result.error.code}]`);
  }
}

async function predictThere(
  inputs: readonly ImageInput[],
  url: string,
  flags: { 'api-key'?: string | undefined; 'top-k': number },
  context: Context,
): Promise<PredictResult> {
  const [{ RobleClient }, { predictFilesRemotely }] = await Promise.all([
    import('../client/index.js'),
    import('../client/predict-files.js'),
  ]);
  const { variableOrFile } = await import('../core/config/environment.js');
  const apiKey = flags['api-key'] ?? variableOrFile(process.env, 'ROBLE_API_KEY');
  const client = new RobleClient(url, apiKey === undefined ? {} : { apiKey });
  const { model, predictions } = await predictFilesRemotely(client, inputs, flags['top-k'], context);
  return { model: { url, ...model }, predictions };
}

async function readInputs(
  words: readonly string[],
  filesFrom: string | undefined,
  context: Context,
): Promise<ImageInput[]> {
  const readsImage = words.includes('-');
  if (readsImage && filesFrom === '-')
    throw new RobleError('ROBLE_USAGE', 'Standard input cannot be an image and a list of files at once.', {
      expected: 'either "-" or "--files-from -"',
    });
  const { findImages } = await import('../core/image/find-images.js');
  const { decodeText, linesOf, readTextFile } = await import('../core/base/storage/text-file.js');
  const inputs: ImageInput[] = [];
  if (readsImage) inputs.push({ file: '-', bytes: await readStandardInput(context) });
  if (filesFrom !== undefined) {
    const text =
      filesFrom === '-'
        ? decodeText(await readStandardInput(context), 'standard input')
        : await readTextFile(filesFrom, { signal: context.signal });
    const lines = linesOf(text).filter(Boolean);
    inputs.push(...lines.map((file) => ({ file })));
  }
  inputs.push(
    ...(await findImages(
      words.filter((word) => word !== '-'),
      context,
    )),
  );
  if (inputs.length > 0) return inputs;
  throw new RobleError('ROBLE_USAGE', 'There is no image to classify.', {
    expected: 'files, folders or globs, "-" for standard input, or --files-from',
  });
}

async function readStandardInput({ signal }: Context): Promise<Buffer> {
  if (signal) addAbortSignal(signal, process.stdin);
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
