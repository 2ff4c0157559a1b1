import * as Flags from '@oclif/core/flags';
import { RobleCommand } from '../../base-command.js';
import type { JsonSchema } from '../../core/base/schema/json-schema.js';

export default class ConfigSchema extends RobleCommand<JsonSchema> {
  static override summary =
    'Print the JSON Schema of the configuration, with the settings of the installed plugins.';
  static override description =
    'For editors: write it into a file, and name that in the first line of roble.config.yaml ("# yaml-language-server: $schema=FILE").';
  static override flags = {
    out: Flags.string({
      helpValue: 'FILE',
      description: 'Write it into this file, instead of one that is there.',
    }),
  };
  static override examples = ['<%= config.bin %> <%= command.id %> --out roble.schema.json'];

  private out: string | undefined;

  protected async execute(): Promise<JsonSchema> {
    const { flags } = await this.parse(ConfigSchema);
    const { registry } = await this.loadConfigWithOrigins();
    const { schemaWithPlugins } = await import('../../core/config/plugin-settings.js');
    const schema = await schemaWithPlugins(registry, (message) => this.warn(message));
    this.out = flags.out;
    if (flags.out !== undefined) {
      const { replaceFile } = await import('../../core/base/storage/durable.js');
      await replaceFile(flags.out, `${JSON.stringify(schema, null, 2)}\n`);
    }
    return schema;
  }

  protected render(schema: JsonSchema): void {
    this.log(this.out === undefined ? JSON.stringify(schema, null, 2) : this.out);
  }
}
