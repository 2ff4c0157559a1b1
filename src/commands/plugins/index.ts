import { RobleCommand } from '../../base-command.js';
import { EXIT } from '../../core/base/errors.js';
import type { ListedPackage, ListedPlugin, PluginList } from '../../core/plugin/list-plugins.js';

interface PluginsResult extends PluginList {
  /** Commands that packages of the machine add, by package. */
  readonly commands: Readonly<Record<string, readonly string[]>>;
}

export default class Plugins extends RobleCommand<PluginsResult> {
  static override summary =
    'List all plugins: what each package adds, where it comes from, and whether it loads.';
  static override description =
    'Packages come from "plugins" of the project\'s configuration, and from "roble plugins:install" for all projects of this machine. Each is tried. Ends with exit code 5 where one cannot be used.';
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    'ROBLE_PLUGINS=off <%= config.bin %> <%= command.id %>',
  ];

  protected override readonly tellsPlugins = true;

  protected async execute(): Promise<PluginsResult> {
    const { registry } = await this.loadConfigWithOrigins();
    const { hasFaults, listPlugins } = await import('../../core/plugin/list-plugins.js');
    const list = await listPlugins(registry);
    if (hasFaults(list)) this.exitCode = EXIT.plugin;
    return { ...list, commands: this.commandsFromOutside() };
  }

  private commandsFromOutside(): Record<string, string[]> {
    const outside = this.config.getPluginsList().filter(({ type }) => type === 'user' || type === 'link');
    return Object.fromEntries(
      outside
        .map(({ name, commands }): [string, string[]] => [name, commands.map(({ id }) => id)])
        .filter(([, ids]) => ids.length > 0),
    );
  }

  protected render({ box, packages, setAside, commands }: PluginsResult): void {
    this.log('In the box:');
    for (const [kind, names] of Object.entries(box)) this.log(`  ${kind}: ${names.join(', ')}`);
    for (const each of packages) this.renderPackage(each, commands[each.name] ?? []);
    if (packages.length === 0 && setAside.length === 0)
      this.log('No package of plugins from outside is in use.');
    for (const { package: name, version, place, reason, nextSteps = [] } of setAside) {
      this.log(`${name}${version === undefined ? '' : ` ${version}`} (set aside): ${place}`);
      this.log(`  ${reason}`);
      for (const step of nextSteps) this.log(`  -> ${step}`);
    }
  }

  private renderPackage(
    { name, version, from, root, plugins }: ListedPackage,
    commands: readonly string[],
  ): void {
    this.log(`${name} ${version} (${from}): ${root}`);
    for (const plugin of plugins) {
      this.log(`  ${plugin.kind} ${plugin.name}: ${stateOf(plugin)}`);
      for (const step of plugin.nextSteps ?? []) this.log(`    -> ${step}`);
    }
    if (commands.length > 0) this.log(`  commands ${commands.join(', ')}`);
  }
}

function stateOf({ fault, description, loadMs = 0 }: ListedPlugin): string {
  if (fault !== undefined) return `cannot be used. ${fault}`;
  return [`loads in ${loadMs.toFixed(0)} ms`, ...(description === undefined ? [] : [description])].join('; ');
}
