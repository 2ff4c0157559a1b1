import * as Flags from '@oclif/core/flags';
import { RobleCommand } from '../../base-command.js';
import type { Origin } from '../../core/config/origin.js';
import type { Config } from '../../core/config/schema.js';

interface ShownConfig {
  readonly config: Config;
  readonly files: readonly string[];
  readonly origins?: Readonly<Record<string, Origin>>;
}

export default class ConfigShow extends RobleCommand<ShownConfig> {
  static override summary = 'Show the configuration that commands would use here.';
  static override description =
    'Flags win over environment variables (ROBLE_...), these over the project file, this over the user file, and that over the defaults.';
  static override examples = ['<%= config.bin %> <%= command.id %> --origin'];
  static override flags = {
    origin: Flags.boolean({ description: 'Show where each value comes from.' }),
  };

  protected async execute(): Promise<ShownConfig> {
    const { flags } = await this.parse(ConfigShow);
    const { config, origins, files, schema } = await this.loadConfigWithOrigins();
    const { hideSecrets } = await import('../../core/base/schema/secrets.js');
    return { config: hideSecrets(config, schema) as Config, files, ...(flags.origin && { origins }) };
  }

  protected async render({ config, files, origins = {} }: ShownConfig): Promise<void> {
    const { configYaml } = await import('../../ui/results/config.js');
    const { describeOrigin } = await import('../../core/config/origin.js');
    this.log(`# ${files.length === 0 ? 'No configuration file.' : `Files: ${files.join(', ')}`}`);
    this.log(
      configYaml(config, (path) => origins[path] && describeOrigin(origins[path], process.cwd())).trimEnd(),
    );
  }
}
