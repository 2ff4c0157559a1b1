/** A part of a line that is shown whole or not at all. */
export interface Word {
  readonly text: string;
  /** 0 is the last to be dropped. */
  readonly rank: number;
  /** What stands between this word and the one before it; `, ` by default. */
  readonly glue?: string;
}

/**
 * The words that fit on a line, in their order; the least important are dropped first. The most important one stays,
 * however long it is.
 */
export function fitWords(words: readonly Word[], width: number): string {
  const byRank = [...words].sort((a, b) => a.rank - b.rank);
  let kept = new Set(byRank.slice(0, 1));
  for (const word of byRank.slice(1)) {
    const more = new Set([...kept, word]);
    if (join(words, more).length <= width) kept = more;
  }
  return join(words, kept);
}

function join(words: readonly Word[], kept: ReadonlySet<Word>): string {
  return words
    .filter((word) => kept.has(word))
    .map(({ text, glue = ', ' }, i) => (i === 0 ? text : glue + text))
    .join('');
}
