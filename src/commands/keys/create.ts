import * as Flags from '@oclif/core/flags';
import { RobleCommand } from '../../base-command.js';
import type { ListedKey } from '../../core/serving/access/api-keys.js';
import { SCOPES } from '../../core/serving/access/settings.js';
import { keysFileFlag, keysFileOf } from '../../flags/keys-file.js';
import { parseExpiry } from '../../flags/values.js';

type CreatedKey = ListedKey & { readonly key: string; readonly file: string };

export default class KeysCreate extends RobleCommand<CreatedKey> {
  static override summary = 'Make an API key for the server.';
  static override description =
    'The key is shown once; the file holds only its hash. A running server accepts it within a second.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> --name till --keys keys.json',
    '<%= config.bin %> <%= command.id %> --name prometheus --scope metrics --expires 90d',
  ];
  static override flags = {
    name: Flags.string({ required: true, description: 'Who or what the key is for.' }),
    scope: Flags.option({
      options: SCOPES,
      multiple: true,
      description: 'What the key allows (predict); may be given several times.',
    })(),
    expires: Flags.string({
      helpValue: '90d',
      description: 'How long the key is valid: a number of days (d), hours (h) or minutes (m).',
    }),
    keys: keysFileFlag,
  };

  protected async execute(): Promise<CreatedKey> {
    const { flags } = await this.parse(KeysCreate);
    const { name, scope: scopes = ['predict'] } = flags;
    const expires = flags.expires === undefined ? undefined : parseExpiry(flags.expires);
    const { serve } = await this.loadConfig({
      'serve.access.keysFile': { value: flags.keys, flag: '--keys' },
    });
    const file = keysFileOf(serve.access);
    const { createKey } = await import('../../core/serving/access/api-keys.js');
    return { ...(await createKey(file, { name, scopes, expires })), file };
  }

  protected render({ key, name, id, scopes, expires, file }: CreatedKey): void {
    this.log(key);
    this.logToStderr(
      `\nThe key of "${name}" (${id}), which allows ${scopes.join(', ')}${expires ? ` until ${expires}` : ''}.\n` +
        `It is shown only once. ${file} holds its hash.`,
    );
  }
}
