import * as Args from '@oclif/core/args';
import { RobleCommand } from '../../base-command.js';
import type { ListedKey } from '../../core/serving/access/api-keys.js';
import { keysFileFlag, keysFileOf } from '../../flags/keys-file.js';

export default class KeysRevoke extends RobleCommand<ListedKey> {
  static override summary = 'Revoke an API key of the server.';
  static override description = 'A running server refuses it within a second. Its record stays in the file.';
  static override examples = ['<%= config.bin %> <%= command.id %> till --keys keys.json'];
  static override args = { key: Args.string({ required: true, description: 'Name or id of the key.' }) };
  static override flags = { keys: keysFileFlag };

  protected async execute(): Promise<ListedKey> {
    const { args, flags } = await this.parse(KeysRevoke);
    const { serve } = await this.loadConfig({
      'serve.access.keysFile': { value: flags.keys, flag: '--keys' },
    });
    const { revokeKey } = await import('../../core/serving/access/api-keys.js');
    return revokeKey(keysFileOf(serve.access), args.key);
  }

  protected render({ name, id }: ListedKey): void {
    this.log(`The key of "${name}" (${id}) is revoked.`);
  }
}
