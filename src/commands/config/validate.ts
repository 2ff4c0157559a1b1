import * as Args from '@oclif/core/args';
import { RobleCommand } from '../../base-command.js';

interface Validation {
  readonly valid: true;
  readonly files: readonly string[];
}

export default class ConfigValidate extends RobleCommand<Validation> {
  static override summary = 'Check the configuration, and report every problem at once.';
  static override description =
    'With FILE, that file alone. Without, all that commands would use here: user file, project file and environment.';
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> roble.config.yaml',
  ];
  static override args = {
    file: Args.string({ description: 'Configuration file, YAML or JSON.', ignoreStdin: true }),
  };

  protected async execute(): Promise<Validation> {
    const { args } = await this.parse(ConfigValidate);
    const { loadConfig } = await import('../../core/config/load.js');
    const { config, files, registry } = args.file
      ? await loadConfig({
          cwd: process.cwd(),
          configFile: args.file,
          env: {},
          openPlugins: (requests) => this.openPlugins(requests),
        })
      : await this.loadConfigWithOrigins();
    const { layersOf } = await import('../../core/learning/presets.js');
    layersOf(config.model);
    const { checkPluginSettings } = await import('../../core/config/plugin-settings.js');
    await checkPluginSettings(config, registry!);
    return { valid: true, files };
  }

  protected render({ files }: Validation): void {
    this.log(
      files.length === 0
        ? 'There is no configuration file; the defaults are used.'
        : `Valid: ${files.join(', ')}`,
    );
  }
}
