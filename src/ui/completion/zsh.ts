import { type CompletedCommand, type CompletedFlag, quoted, topicsOf } from './words.js';

/** Completion for zsh 5 and newer, with what each command and flag is for. */
export function zshCompletion(commands: readonly CompletedCommand[]): string {
  const described = (word: string, summary: string) => quoted(`${word.replaceAll(':', '\\:')}:${summary}`);
  const topics = [...topicsOf(commands)];
  const summaryOf = new Map(commands.map(({ id, summary }) => [id, summary]));
  return `#compdef roble
# Completion of roble for zsh. Put into ~/.zshrc, after compinit: eval "$(roble completion zsh)"
_roble() {
  local id="\${words[2]}" begin=2
  local -a list
  if ((CURRENT == 2)); then
    list=(
${commands.map(({ id, summary }) => `      ${described(id, summary)}`).join('\n')}
    )
    _describe -t commands 'command of roble' list
    return
  fi
  case "$id" in
${topics
  .map(
    ([topic, names]) => `    ${topic})
      if ((CURRENT == 3)) && [[ "\${words[3]}" != -* ]]; then
        list=(
${names.map((name) => `          ${described(name, summaryOf.get(`${topic}:${name}`) ?? '')}`).join('\n')}
        )
        _describe -t commands 'command of roble ${topic}' list
        ${commands.some(({ id }) => id === topic) ? ':' : 'return'}
      fi
      case "\${words[3]}" in
        ${names.join('|')}) id="$id:\${words[3]}"; begin=3 ;;
      esac
      ;;`,
  )
  .join('\n')}
  esac
  shift $((begin - 1)) words
  ((CURRENT -= begin - 1))
  case "$id" in
${commands
  .map(
    ({ id, flags, words }) => `    ${id})
      _arguments \\
${flags
  .flatMap(argumentSpecs)
  .map((spec) => `        ${spec} \\`)
  .join('\n')}
        ${quoted(words.length > 0 ? `*:word:(${words.join(' ')})` : '*:file:_files')}
      ;;`,
  )
  .join('\n')}
  esac
}
if [[ "$funcstack[1]" == _roble ]]; then _roble "$@"; else compdef _roble roble; fi
`;
}

/** As `_arguments` wants them: a flag may be given again, and its summary holds no brackets. */
function argumentSpecs({ name, short, summary, takesValue, values }: CompletedFlag): string[] {
  const about = summary.replaceAll(/[[\]]/g, '').replaceAll(':', ',');
  const value = !takesValue ? '' : values.length > 0 ? `:value:(${values.join(' ')})` : ':value:_files';
  return [name, ...(short === undefined ? [] : [short])].map((flag) => quoted(`*${flag}[${about}]${value}`));
}
