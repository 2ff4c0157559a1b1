import { type CompletedCommand, quoted, topicsOf } from './words.js';

/** Completion for fish 3 and newer, with what each command and flag is for. */
export function fishCompletion(commands: readonly CompletedCommand[]): string {
  const topics = [...topicsOf(commands)];
  const summaryOf = new Map(commands.map(({ id, summary }) => [id, summary]));
  return `# Completion of roble for fish: roble completion fish > ~/.config/fish/completions/roble.fish
function __roble_id
    set -l words (commandline -opc)
    if test (count $words) -ge 3
        switch "$words[2]:$words[3]"
            case ${commands
              .filter(({ id }) => id.includes(':'))
              .map(({ id }) => quoted(id))
              .join(' ')}
                echo "$words[2]:$words[3]"
                return
        end
    end
    echo "$words[2]"
end
function __roble_is
    test (__roble_id) = "$argv[1]"
end
function __roble_begins
    test (count (commandline -opc)) -eq $argv[1]
end
complete -c roble -f
${commands
  .map(({ id, summary }) => `complete -c roble -n '__roble_begins 1' -a ${quoted(id)} -d ${quoted(summary)}`)
  .join('\n')}
${topics
  .flatMap(([topic, names]) =>
    names.map(
      (name) =>
        `complete -c roble -n '__roble_begins 2; and __roble_is ${topic}' -a ${quoted(name)} -d ${quoted(summaryOf.get(`${topic}:${name}`) ?? '')}`,
    ),
  )
  .join('\n')}
${commands.flatMap(commandLines).join('\n')}
`;
}

function commandLines({ id, flags, words }: CompletedCommand): string[] {
  const begin = `complete -c roble -n '__roble_is ${id}'`;
  const flagLines = flags.map(({ name, short, summary, takesValue, values }) =>
    [
      `${begin} -l ${name.slice(2)}`,
      ...(short === undefined ? [] : [`-s ${short.slice(1)}`]),
      ...(values.length > 0 ? [`-x -a ${quoted(values.join(' '))}`] : takesValue ? ['-r -F'] : []),
      `-d ${quoted(summary)}`,
    ].join(' '),
  );
  return [...flagLines, words.length > 0 ? `${begin} -a ${quoted(words.join(' '))}` : `${begin} -F`];
}
