import { readFile } from 'node:fs/promises';
import { Args, Flags } from '@oclif/core';
import { RobleCommand } from '../base-command.js';
import type { Context } from '../core/context.js';
import { EXIT, RobleError } from '../core/errors.js';
import type { FilePrediction, ImageInput } from '../core/predict/predict-files.js';

interface PredictResult {
  readonly model: { readonly folder: string; readonly name: string; readonly digest: string };
  readonly predictions: readonly FilePrediction[];
}

type Format = 'table' | 'json' | 'csv';

export default class Predict extends RobleCommand<PredictResult> {
  static override summary = 'Classify images: files, folders, globs or standard input.';
  static override description =
    'An image that cannot be read is reported and does not stop the others; the exit code is then 4.';
  static override strict = false;
  static override examples = [
    '<%= config.bin %> <%= command.id %> picture.png',
    '<%= config.bin %> <%= command.id %> "photos/**/*.jpg" --format csv --top-k 5',
    'cat picture.png | <%= config.bin %> <%= command.id %> -',
  ];

  static override args = {
    images: Args.string({ description: 'Files, folders or globs; "-" reads one image from standard input.' }),
  };

  static override flags = {
    model: Flags.string({ description: 'Folder of the model bundle; by default that of the newest run.' }),
    'top-k': Flags.integer({ description: 'Classes for each image.', min: 1, default: 3 }),
    format: Flags.option({
      options: ['table', 'json', 'csv'] as const,
      description: 'Form of the output.',
      default: 'table' as const,
    })(),
    'files-from': Flags.string({ description: 'A file with one path a line; "-" is standard input.' }),
    threads: Flags.integer({ description: 'Threads of the backend; 0: it chooses.', min: 0 }),
  };

  private format: Format = 'table';

  protected async execute(context: Context): Promise<PredictResult> {
    const { argv, flags } = await this.parse(Predict);
    this.format = flags.format;
    const config = await this.loadConfig();
    const { findNewestBundle, loadModel, predictFiles } = await import('../index.js');
    const folder = flags.model ?? (await findNewestBundle(config.runs));
    const inputs = await readInputs(argv as string[], flags['files-from']);
    const { backend, device, maxPixels } = config.serve;
    const model = await loadModel(folder, { backend, device, threads: flags.threads ?? 0, maxPixels });
    try {
      const predictions = await predictFiles(model, inputs, flags['top-k'], context);
      if (predictions.some((result) => 'error' in result)) this.exitCode = EXIT.data;
      return { model: { folder, name: model.manifest.name, digest: model.digest }, predictions };
    } finally {
      await model.close();
    }
  }

  protected render(result: PredictResult): void {
    const lines = { json: jsonLines, csv: csvLines, table: tableLines }[this.format](result.predictions);
    for (const line of lines) this.log(line);
    for (const failed of result.predictions)
      if ('error' in failed)
        this.logToStderr(`${failed.file}: ${failed.error.message} [${failed.error.code}]`);
  }
}

async function readInputs(words: readonly string[], filesFrom: string | undefined): Promise<ImageInput[]> {
  const { findImages } = await import('../index.js');
  const inputs: ImageInput[] = [];
  if (words.includes('-')) inputs.push({ file: '-', bytes: await readStandardInput() });
  if (filesFrom !== undefined) {
    const text = filesFrom === '-' ? await readStandardInput() : await readFile(filesFrom);
    const lines = text.toString().split(/\r?\n/).filter(Boolean);
    inputs.push(...lines.map((file) => ({ file })));
  }
  inputs.push(...(await findImages(words.filter((word) => word !== '-'))).map((file) => ({ file })));
  if (inputs.length > 0) return inputs;
  throw new RobleError('ROBLE_USAGE', 'There is no image to classify.', {
    expected: 'files, folders or globs, "-" for standard input, or --files-from',
  });
}

async function readStandardInput(): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function jsonLines(results: readonly FilePrediction[]): string[] {
  return [JSON.stringify(results, null, 2)];
}

function tableLines(results: readonly FilePrediction[]): string[] {
  const width = Math.max(...results.map(({ file }) => file.length));
  return results.map((result) => {
    const answer =
      'error' in result
        ? `not readable: ${result.error.code}`
        : result.predictions
            .map(({ label, probability }) => `${label} ${(probability * 100).toFixed(1)} %`)
            .join('   ');
    return `${result.file.padEnd(width)}  ${answer}`;
  });
}

/** One line a class; the errors go to standard error. RFC 4180 quoting. */
function csvLines(results: readonly FilePrediction[]): string[] {
  const quote = (text: string) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  const rows = results.flatMap((result) =>
    'error' in result
      ? []
      : result.predictions.map(
          ({ label, probability }, rank) =>
            `${quote(result.file)},${rank + 1},${quote(label)},${probability}`,
        ),
  );
  return ['file,rank,label,probability', ...rows];
}
