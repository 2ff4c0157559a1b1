import * as Args from '@oclif/core/args';
import { RobleCommand } from '../base-command.js';
import type { CompletedCommand } from '../ui/completion/words.js';

const SHELLS = ['bash', 'zsh', 'fish'] as const;
type Shell = (typeof SHELLS)[number];

export default class Completion extends RobleCommand<{ shell: Shell; script: string }> {
  static override summary = 'Print the script that completes commands, flags and their values in a shell.';
  static override description =
    'It holds all that there is to complete, so that no program runs while you type; make it again after an update.';
  static override examples = [
    'eval "$(<%= config.bin %> <%= command.id %> bash)"   # in ~/.bashrc',
    'eval "$(<%= config.bin %> <%= command.id %> zsh)"   # in ~/.zshrc, after compinit',
    '<%= config.bin %> <%= command.id %> fish > ~/.config/fish/completions/roble.fish',
  ];
  static override args = {
    shell: Args.string({
      description: 'The shell.',
      options: [...SHELLS],
      required: true,
      ignoreStdin: true,
    }),
  };

  protected async execute(): Promise<{ shell: Shell; script: string }> {
    const { args } = await this.parse(Completion);
    const shell = args.shell as Shell;
    const { completedCommands } = await import('../ui/completion/words.js');
    const commands = completedCommands(this.config);
    return { shell, script: await scriptFor[shell](commands) };
  }

  protected render({ script }: { script: string }): void {
    this.log(script.trimEnd());
  }
}

const scriptFor = {
  bash: async (commands) => (await import('../ui/completion/bash.js')).bashCompletion(commands),
  zsh: async (commands) => (await import('../ui/completion/zsh.js')).zshCompletion(commands),
  fish: async (commands) => (await import('../ui/completion/fish.js')).fishCompletion(commands),
} satisfies Record<Shell, (commands: readonly CompletedCommand[]) => Promise<string>>;
