import type { Interfaces } from '@oclif/core';

/** What a shell can complete of a command. */
export interface CompletedCommand {
  /** Such as `data:import`. */
  readonly id: string;
  readonly summary: string;
  readonly flags: readonly CompletedFlag[];
  /** The words that its arguments can be, where they are known. */
  readonly words: readonly string[];
}

export interface CompletedFlag {
  /** Such as `--out`. */
  readonly name: string;
  /** Such as `-o`. */
  readonly short?: string;
  readonly summary: string;
  readonly takesValue: boolean;
  /** All that the value can be; empty where it is anything, such as a file. */
  readonly values: readonly string[];
}

/** The commands with their flags, as the manifest tells them: no command is loaded for it. */
export function completedCommands({ commands }: Pick<Interfaces.Config, 'commands'>): CompletedCommand[] {
  return commands
    .filter(({ hidden }) => !hidden)
    .map(({ id, summary, description, flags, args }) => ({
      id,
      summary: firstLine(summary ?? description),
      flags: Object.values(flags)
        .filter((flag) => !flag.hidden)
        .flatMap(completedFlags)
        .concat({ name: '--help', summary: 'Show help.', takesValue: false, values: [] }),
      words: Object.values(args).flatMap(({ options = [] }) => options),
    }))
    .sort((a, b) => (a.id < b.id ? -1 : 1));
}

type ManifestFlag = Interfaces.Config['commands'][number]['flags'][string];

function completedFlags(flag: ManifestFlag): CompletedFlag[] {
  const takesValue = flag.type === 'option';
  const completed: CompletedFlag = {
    name: `--${flag.name}`,
    ...(flag.char !== undefined && { short: `-${flag.char}` }),
    summary: firstLine(flag.summary ?? flag.description),
    takesValue,
    values: takesValue ? (flag.options ?? []) : [],
  };
  const denied = { name: `--no-${flag.name}`, summary: completed.summary, takesValue, values: [] };
  return !takesValue && flag.allowNo ? [completed, denied] : [completed];
}

/** Without what oclif fills in when it shows help. */
function firstLine(text: string | undefined): string {
  return (text ?? '')
    .split('\n')[0]!
    .replaceAll(/<%=?.*?%>/g, '')
    .trim();
}

/** The topics, such as `data`, with the second words of their commands. */
export function topicsOf(commands: readonly CompletedCommand[]): Map<string, string[]> {
  const topics = new Map<string, string[]>();
  for (const { id } of commands) {
    const [topic, name] = id.split(':');
    if (name !== undefined) topics.set(topic!, [...(topics.get(topic!) ?? []), name]);
  }
  return topics;
}

/** A word that bash, zsh and fish leave as it is. Inside single quotes only the quote itself differs between them. */
export const quoted = (text: string) => `'${text.replaceAll("'", '’')}'`;
