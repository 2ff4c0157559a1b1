import { type CompletedCommand, quoted, topicsOf } from './words.js';

/**
 * Completion for bash 3.2, which macOS has, and newer. Bash breaks words at colons, so that the line is read anew, and what stands before the
 * last colon is taken off the answers.
 */
export function bashCompletion(commands: readonly CompletedCommand[]): string {
  const topics = [...topicsOf(commands)];
  return `# Completion of roble for bash. Put into ~/.bashrc: eval "$(roble completion bash)"
_roble() {
  local line="\${COMP_LINE:0:COMP_POINT}" id cur prev words
  read -ra words <<< "$line"
  if [[ "$line" == *" " ]]; then words+=(""); fi
  cur="\${words[\${#words[@]} - 1]}"
  COMPREPLY=()
  if ((\${#words[@]} <= 2)); then
    _roble_reply ${quoted(commands.map(({ id }) => id).join(' '))}
    return
  fi
  prev="\${words[\${#words[@]} - 2]}"
  id="\${words[1]}"
  case "$id" in
${topics
  .map(
    ([topic, names]) => `    ${topic})
      if ((\${#words[@]} == 3)); then
        _roble_reply ${quoted(names.join(' '))}
        [[ "$cur" != -* ]] && return
      else
        case "\${words[2]}" in
          ${names.join('|')}) id="$id:\${words[2]}" ;;
        esac
      fi
      ;;`,
  )
  .join('\n')}
  esac
  case "$id $prev" in
${commands.flatMap(valueCases).join('\n')}
  esac
  case "$id" in
${commands.map(commandCase).join('\n')}
  esac
}
_roble_reply() {
  local reply
  for reply in $1; do
    if [[ "$reply" == "$cur"* ]]; then
      if [[ "$cur" == *:* && "$COMP_WORDBREAKS" == *:* ]]; then reply="\${reply#"\${cur%"\${cur##*:}"}"}"; fi
      COMPREPLY+=("$reply")
    fi
  done
}
complete -o bashdefault -o default -F _roble roble
`;
}

/** After a flag that takes a value: its words, or nothing, for which bash offers files. */
function valueCases({ id, flags }: CompletedCommand): string[] {
  return flags
    .filter(({ takesValue }) => takesValue)
    .map(({ name, short, values }) => {
      const patterns = [name, ...(short === undefined ? [] : [short])].map((flag) => quoted(`${id} ${flag}`));
      const reply = values.length > 0 ? `_roble_reply ${quoted(values.join(' '))}; ` : '';
      return `    ${patterns.join('|')}) ${reply}return ;;`;
    });
}

function commandCase({ id, flags, words }: CompletedCommand): string {
  const names = flags.map(({ name }) => name).join(' ');
  const others = words.length > 0 ? ` else _roble_reply ${quoted(words.join(' '))};` : '';
  return `    ${id}) if [[ "$cur" == -* ]]; then _roble_reply ${quoted(names)};${others} fi ;;`;
}
