import * as Args from '@oclif/core/args';
import { type MachinePlugins, MachinePluginsCommand } from '../../machine-plugins.js';

export default class PluginsUninstall extends MachinePluginsCommand {
  static override summary = 'Remove a package of plugins, or the link to one, from this machine.';
  static override args = {
    package: Args.string({ required: true, description: 'Its name.' }),
  };
  static override examples = ['<%= config.bin %> <%= command.id %> roble-paper'];

  protected async execute(): Promise<MachinePlugins> {
    const { args } = await this.parse(PluginsUninstall);
    return this.change('uninstall', [args.package]);
  }
}
