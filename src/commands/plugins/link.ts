import * as Args from '@oclif/core/args';
import { type MachinePlugins, MachinePluginsCommand } from '../../machine-plugins.js';

export default class PluginsLink extends MachinePluginsCommand {
  static override summary =
    'Use a package of plugins from its folder, in all projects of this machine: for its authors.';
  static override args = {
    folder: Args.string({
      required: true,
      description: 'The folder with its package.json, which has been built.',
    }),
  };
  static override examples = ['<%= config.bin %> <%= command.id %> ../roble-paper'];

  protected async execute(): Promise<MachinePlugins> {
    const { args } = await this.parse(PluginsLink);
    return this.change('link', [args.folder, '--no-install']);
  }
}
