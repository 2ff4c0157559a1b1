import * as Args from '@oclif/core/args';
import { type MachinePlugins, MachinePluginsCommand, packageToInstall } from '../../machine-plugins.js';

export default class PluginsInstall extends MachinePluginsCommand {
  static override summary = 'Install a package of plugins for all projects of this machine.';
  static override description =
    'By npm, through the plugin of oclif. A plugin can do whatever you can do: install those of people whom you trust. A project that others work on had better name its plugins in its own package.json and configuration.';
  static override args = {
    package: Args.string({
      required: true,
      description:
        'Name, with @VERSION if wanted; the path of an archive (.tgz); or the URL of a repository.',
    }),
  };
  static override examples = [
    '<%= config.bin %> <%= command.id %> roble-paper',
    '<%= config.bin %> <%= command.id %> ./roble-paper-1.0.0.tgz',
  ];

  protected async execute(): Promise<MachinePlugins> {
    const { args } = await this.parse(PluginsInstall);
    return this.change('install', [packageToInstall(args.package), '--silent']);
  }
}
