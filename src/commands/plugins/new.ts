import { relative } from 'node:path';
import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';
import { RobleCommand } from '../../base-command.js';
import type { NewPlugin } from '../../core/operations/plugins/new-plugin.js';
import { PLUGIN_KINDS } from '../../core/plugin/contracts.js';

export default class PluginsNew extends RobleCommand<NewPlugin> {
  static override summary = 'Write a package with a plugin that works, to be changed into your own.';
  static override description =
    'The package is TypeScript; "npm install" and "npm test" pass at once, and the tests, by "roble/testing", fail where the plugin does not do what its kind has to.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> shade --kind augmenter',
    '<%= config.bin %> <%= command.id %> my-format --kind reader --out plugins/my-format',
  ];
  static override args = {
    name: Args.string({
      required: true,
      description:
        'Name of the plugin: lower-case letters, digits and dashes. Its package is called roble-NAME.',
    }),
  };
  static override flags = {
    kind: Flags.option({
      options: PLUGIN_KINDS,
      required: true,
      description: 'What the plugin adds.',
    })(),
    out: Flags.string({
      helpValue: 'DIR',
      description: 'Folder of the package; by default roble-NAME in the current one.',
    }),
    roble: Flags.string({
      helpValue: 'DIR',
      description:
        'Folder or archive (.tgz) of the roble to build and test with; by default this version, from the registry of npm.',
    }),
  };

  protected async execute(): Promise<NewPlugin> {
    const { args, flags } = await this.parse(PluginsNew);
    const { newPlugin, packageOf } = await import('../../core/operations/plugins/new-plugin.js');
    const { createRegistry } = await import('../../plugins/index.js');
    const { kind, roble, out: folder = packageOf(args.name) } = flags;
    return newPlugin({ name: args.name, kind, folder, roble }, createRegistry());
  }

  protected render({ package: name, folder, files }: NewPlugin): void {
    this.log(`Wrote ${name} into ${folder}:`);
    for (const file of files) this.log(`  ${file}`);
    const path = relative('.', folder).replaceAll('\\', '/');
    this.log(`Next: cd ${folder} && npm install && npm test`);
    this.log(
      `Then use it in a project: plugins: ["${path.startsWith('.') ? path : `./${path}`}"] in its roble.config.yaml.`,
    );
  }
}
