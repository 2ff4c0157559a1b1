import { once } from 'node:events';
import { Flags } from '@oclif/core';
import { RobleCommand } from '../base-command.js';
import type { Context } from '../core/context.js';
import { EXIT } from '../core/errors.js';
import type { RobleServer } from '../core/serving/server.js';

interface ServeResult {
  readonly url: string;
  readonly model: string;
}

export default class Serve extends RobleCommand<ServeResult> {
  static override summary = 'Answer predictions over HTTP.';
  static override description =
    'Ctrl-C or SIGTERM finishes the requests in flight and ends with exit code 0. SIGHUP serves the model that lies in the folder now, without a request lost, and shows the certificate that lies in its file.';
  static override examples = ['<%= config.bin %> <%= command.id %> --model runs/run-0001/model --port 8080'];

  // SIGHUP has another meaning for a server.
  protected override readonly stopSignals = ['SIGINT', 'SIGTERM', 'SIGUSR1'] as const;

  static override flags = {
    model: Flags.string({
      description:
        'Folder of the model bundle, by default that of the newest run; with --models, the name of the default model.',
    }),
    models: Flags.string({ description: 'Repository: a folder with NAME/VERSION, each a bundle.' }),
    host: Flags.string({ description: 'Address to listen on.' }),
    port: Flags.integer({ description: 'Port to listen on; 0: any free one.', min: 0, max: 65535 }),
    workers: Flags.integer({ description: 'Inference processes.', min: 1 }),
    threads: Flags.integer({ description: 'Threads of each inference process.', min: 1 }),
    'admin-port': Flags.integer({
      description: 'Port of the administration; 0: any free one. Without it there is none.',
      min: 0,
      max: 65535,
    }),
    watch: Flags.integer({
      description: 'Look so often for another model in the folder, and serve it.',
      helpValue: 'MILLISECONDS',
      min: 0,
    }),
    keys: Flags.string({
      description: 'File of the API keys, which "roble keys:create" writes.',
      helpValue: 'FILE',
    }),
    cache: Flags.string({
      description: 'Redis that shares answers between servers.',
      helpValue: 'redis://HOST:PORT',
    }),
    predictions: Flags.string({
      description: 'Database of the predictions: an SQLite file, postgres://..., or none.',
      helpValue: 'URL|FILE|none',
    }),
    'keep-images': Flags.boolean({
      description: 'Keep what the model saw, so that feedback can become training data.',
      allowNo: true,
    }),
  };

  protected async execute(context: Context): Promise<ServeResult> {
    const { flags } = await this.parse(Serve);
    const config = await this.loadConfig({
      'serve.models': { value: flags.models, flag: '--models' },
      'serve.host': { value: flags.host, flag: '--host' },
      'serve.port': { value: flags.port, flag: '--port' },
      'serve.workers': { value: flags.workers, flag: '--workers' },
      'serve.threads': { value: flags.threads, flag: '--threads' },
      'serve.admin.port': { value: flags['admin-port'], flag: '--admin-port' },
      'serve.watchMs': { value: flags.watch, flag: '--watch' },
      'serve.access.keysFile': { value: flags.keys, flag: '--keys' },
      'serve.cache.url': { value: flags.cache, flag: '--cache' },
      'serve.predictions.url': { value: flags.predictions, flag: '--predictions' },
      'serve.predictions.keepImages': { value: flags['keep-images'], flag: '--keep-images' },
    });
    const { createServer, findNewestBundle } = await import('../index.js');
    const { models } = config.serve;
    const model = flags.model ?? (models === undefined ? await findNewestBundle(config.runs) : undefined);
    const server = await createServer({ ...config.serve, ...(model !== undefined && { model }) }, context);
    // Said under --json too: with --port 0 nobody could know the address otherwise.
    process.stderr.write(
      `Serving ${server.model.name} (${server.model.classes.length} classes, ${models ?? model}) at ${server.url}\n` +
        `Try: curl --data-binary @picture.png -H 'content-type: image/png' ${server.url}/predict\n`,
    );
    if (server.adminUrl) process.stderr.write(`Administration at ${server.adminUrl}/admin/models\n`);
    const reload = () => void this.reload(server);
    process.on('SIGHUP', reload);
    if (!context.signal!.aborted) await once(context.signal!, 'abort');
    process.off('SIGHUP', reload);
    await server.close();
    // Being stopped is how a server ends well.
    this.exitCode = EXIT.ok;
    return { url: server.url, model: server.model.name };
  }

  private async reload(server: RobleServer): Promise<void> {
    try {
      const changed = await server.reload();
      process.stderr.write(
        changed ? `Serving ${server.model.name} (${server.model.digest}) now\n` : 'The model is the same\n',
      );
    } catch (error) {
      this.warn(`The new model is not served: ${(error as Error).message}`);
    }
  }

  protected render(): void {
    this.log('Stopped.');
  }
}
