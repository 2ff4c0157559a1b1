import { once } from 'node:events';
import * as Flags from '@oclif/core/flags';
import { RobleCommand } from '../base-command.js';
import { EXIT } from '../core/base/errors.js';
import type { CreateServerOptions } from '../core/serving/server.js';
import type { ServeOptions } from '../core/serving/settings.js';
import type { LibraryContext } from '../library.js';
import { standardStreams } from '../ui/terminal/standard-streams.js';

interface ServeResult {
  readonly url: string;
  readonly model: string;
}

export default class Serve extends RobleCommand<ServeResult> {
  static override summary = 'Answer predictions over HTTP.';
  static override description =
    'Ctrl-C or SIGTERM finishes the requests in flight and ends with exit code 0. SIGHUP loads the model that is in the folder now, without losing a request, and reloads the certificate from its file.';
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
    workers: Flags.integer({
      description: 'Inference processes; 0 computes in the process of the server.',
      min: 0,
    }),
    threads: Flags.integer({ description: 'Threads of each inference process.', min: 1 }),
    'admin-port': Flags.integer({
      description: 'Port of the administration; 0: any free one. Without it there is none.',
      min: 0,
      max: 65535,
    }),
    watch: Flags.integer({
      description: 'How often to look for a new model in the folder, which is then served.',
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

  protected async execute(context: LibraryContext): Promise<ServeResult> {
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
    const { findNewestBundle } = await import('../core/model/bundle.js');
    const { logToStandardError } = await import('../core/serving/observe/server-log.js');
    const { models } = config.serve;
    const model = flags.model ?? (models === undefined ? await findNewestBundle(config.runs) : undefined);
    const logTo = await logToStandardError();
    try {
      const result = await this.serveUntilStopped(
        { ...config.serve, ...(model !== undefined && { model }), logTo },
        context,
      );
      // Being stopped is how a server ends well.
      this.exitCode = EXIT.ok;
      return result;
    } finally {
      await logTo.close();
      if (logTo.error) standardStreams().error.note(logTo.error);
    }
  }

  private async serveUntilStopped(
    options: CreateServerOptions & Pick<ServeOptions, 'log'>,
    context: LibraryContext,
  ): Promise<ServeResult> {
    const { createServer } = await import('../library.js');
    const format = options.log.format ?? (process.stderr.isTTY ? 'text' : 'json');
    // The model in the folder may have been read already.
    let wantsReload = false;
    let reload = () => {
      wantsReload = true;
    };
    process.on('SIGHUP', () => reload());
    const { reporter: _, ...quiet } = context;
    const server = await createServer(
      { ...options, log: { ...options.log, format } },
      // The steps of the start are words for people; a program reads lines of the log and nothing else.
      format === 'text' ? context : quiet,
    );
    if (format === 'text')
      process.stderr.write(
        `Try: curl --data-binary @picture.png -H 'content-type: image/png' ${server.url}/predict\n`,
      );
    // The log says how it went.
    reload = () => void server.reload().catch(() => {});
    if (wantsReload) reload();
    if (!context.signal!.aborted) await once(context.signal!, 'abort');
    reload = () => {};
    await server.close();
    return { url: server.url, model: server.model.name };
  }

  protected render(): void {
    this.log('Stopped.');
  }
}
