/** Text in lines of at most `width` characters, broken between words; lines after the first begin with `indent`. */
export function wrapWords(text: string, width: number, indent = ''): string[] {
  const start = /^ */.exec(text)![0];
  const lines: string[] = [];
  let line = start;
  let isEmpty = true;
  for (const word of text.slice(start.length).split(' ')) {
    if (!isEmpty && line.length + 1 + word.length > width) {
      lines.push(line);
      line = indent + word;
    } else line += isEmpty ? word : ` ${word}`;
    isEmpty = false;
  }
  return [...lines, line];
}

/** A line that ends where the terminal does. */
export function cutLine(line: string, width: number): string {
  return line.length > width ? `${line.slice(0, width - 1)}…` : line;
}
