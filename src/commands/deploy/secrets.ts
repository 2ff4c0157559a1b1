import { resolve } from 'node:path';
import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';
import { RobleCommand } from '../../base-command.js';
import type { MadeSecrets } from '../../core/operations/deploy/secrets.js';

export default class DeploySecrets extends RobleCommand<MadeSecrets> {
  static override summary = 'Make the passwords, keys and the first certificate of a production stack.';
  static override description =
    'Makes what is missing, and replaces nothing unless --rotate says so. The key for clients is shown once and stored nowhere.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> deploy',
    '<%= config.bin %> <%= command.id %> deploy --rotate',
  ];
  static override args = {
    folder: Args.string({ description: 'Folder of the stack (deploy).', ignoreStdin: true }),
  };
  static override flags = {
    rotate: Flags.boolean({
      description:
        'New passwords of Redis and PostgreSQL, and a new key of Prometheus; "make rotate" puts them to use.',
    }),
    domain: Flags.string({ description: 'Name in the first certificate (that of the stack).' }),
  };

  protected async execute(): Promise<MadeSecrets> {
    const { args, flags } = await this.parse(DeploySecrets);
    const { makeSecrets } = await import('../../core/operations/deploy/secrets.js');
    return makeSecrets({
      folder: resolve(args.folder ?? 'deploy'),
      rotate: flags.rotate ?? false,
      domain: flags.domain,
    });
  }

  protected render({ written, kept, clientKey }: MadeSecrets): void {
    for (const path of written) this.log(`made ${path}`);
    for (const path of kept) this.log(`kept ${path}`);
    if (clientKey !== undefined)
      this.log(`\nThe key of your first client, which cannot be shown again:\n\n  ${clientKey}\n`);
  }
}
