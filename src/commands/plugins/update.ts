import { type MachinePlugins, MachinePluginsCommand } from '../../machine-plugins.js';

export default class PluginsUpdate extends MachinePluginsCommand {
  static override summary = 'Update the packages of plugins of this machine.';
  static override examples = ['<%= config.bin %> <%= command.id %>'];

  protected async execute(): Promise<MachinePlugins> {
    await this.parse(PluginsUpdate);
    return this.change('update', []);
  }
}
