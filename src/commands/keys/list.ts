import { RobleCommand } from '../../base-command.js';
import type { ListedKey } from '../../core/serving/access/api-keys.js';
import { keysFileFlag, keysFileOf } from '../../flags/keys-file.js';
import { tableLines } from '../../ui/terminal/format.js';

export default class KeysList extends RobleCommand<{ readonly keys: readonly ListedKey[] }> {
  static override summary = 'List the API keys of the server.';
  static override examples = ['<%= config.bin %> <%= command.id %> --keys keys.json'];
  static override flags = { keys: keysFileFlag };

  protected async execute(): Promise<{ keys: readonly ListedKey[] }> {
    const { flags } = await this.parse(KeysList);
    const { serve } = await this.loadConfig({
      'serve.access.keysFile': { value: flags.keys, flag: '--keys' },
    });
    const { listKeys } = await import('../../core/serving/access/api-keys.js');
    return { keys: await listKeys(keysFileOf(serve.access)) };
  }

  protected render({ keys }: { readonly keys: readonly ListedKey[] }): void {
    const columns = ['id', 'name', 'scopes', 'created', 'expires', 'state'].map((title) => ({ title }));
    const rows = keys.map(({ id, name, scopes, created, expires, state }) => [
      id,
      name,
      scopes.join(' '),
      dayOf(created),
      expires ? dayOf(expires) : 'never',
      state,
    ]);
    for (const line of tableLines(columns, rows)) this.log(line);
  }
}

function dayOf(time: string): string {
  return time.slice(0, 'yyyy-mm-dd'.length);
}
