/** The scripts of `completion`, in the shells themselves. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeWith } from './support/programs.js';
import { temporaryFolder } from './support/temporary-folder.js';

const CLI = join(import.meta.dirname, '..', 'bin', 'run.js');

let root: string;
let remove: () => Promise<void>;
beforeAll(async () => {
  ({ path: root, remove } = await temporaryFolder('completion'));
  await Promise.all(
    ['bash', 'zsh', 'fish'].map(async (shell) => {
      const { stdout } = await execa(process.execPath, [CLI, 'completion', shell], { cwd: root });
      await writeFile(join(root, shell), `${stdout}\n`);
    }),
  );
  await writeFile(join(root, 'unique-file.png'), '');
});
afterAll(() => remove());

const run = (program: string, words: string[], env: Record<string, string> = {}) =>
  execa(program, words, { cwd: root, env: { HOME: root, TERM: 'dumb', ...env } });

/** What is typed, and words that are offered then, and one that is not. */
const OFFERS: readonly (readonly [typed: string, offered: readonly string[], not: string])[] = [
  ['roble config:sh', ['config:show'], 'config:validate'],
  ['roble do', ['doctor'], 'data:import'],
  ['roble config ', ['show', 'validate'], 'doctor'],
  ['roble data:import --fr', ['--from-feedback'], '--format'],
  ['roble data import --fr', ['--from-feedback'], '--format'],
  ['roble train --reporter ', ['auto', 'tty', 'plain', 'ndjson'], '--reporter'],
  ['roble train --reporter p', ['plain'], 'tty'],
  ['roble train --he', ['--help'], '--json'],
  ['roble completion ', ['bash', 'zsh', 'fish'], 'doctor'],
  ['roble predict uni', ['unique-file.png'], 'doctor'],
];

describe('bash', () => {
  /** As its line editor calls the function, with words broken at colons or not. */
  async function offered(typed: string, breaks: string): Promise<string[]> {
    const script = `eval "$(cat ./bash)"
      COMP_LINE="$1" COMP_POINT=\${#1} COMP_WORDBREAKS="$2"
      _roble
      printf '%s\\n' "\${COMPREPLY[@]}"`;
    const { stdout } = await run('bash', ['-c', script, 'bash', typed, breaks]);
    return stdout.split('\n').filter(Boolean);
  }

  it.each(OFFERS.slice(0, -1))('%s', async (typed, words, not) => {
    const found = await offered(typed, ' \t\n');
    expect(found).toEqual(expect.arrayContaining([...words]));
    expect(found).not.toContain(not);
  });

  it('gives what stands behind the last colon, where bash breaks words there', async () => {
    expect(await offered('roble config:sh', ' \t\n:')).toEqual(['show']);
  });

  it('leaves files to bash, and knows no word for a value that may be anything', async () => {
    expect(await offered('roble predict ', ' ')).toEqual([]);
    expect(await offered('roble data:import --out ', ' ')).toEqual([]);
  });
});

describeWith('fish', 'fish')('fish', () => {
  it.each(OFFERS)('%s', async (typed, words, not) => {
    const { stdout } = await run('fish', ['--no-config', '-c', 'source ./fish; complete -C $argv[1]', typed]);
    const found = stdout.split('\n').map((line) => line.split('\t')[0]);
    expect(found).toEqual(expect.arrayContaining([...words]));
    expect(found).not.toContain(not);
  });
});

describeWith('zsh', 'zsh')('zsh', () => {
  /** Types into a zsh with a terminal, a tab behind it, and gives the words that the command is then called with. */
  async function completed(typed: string): Promise<string | undefined> {
    const script = `zmodload zsh/zpty
      zpty z 'zsh -f -i'
      zpty -w z 'PS1= RPS1=; unsetopt beep; autoload -Uz compinit && compinit -D -u; eval "$(cat ./zsh)"'
      zpty -w z 'roble() { print -r -- "<<$*>>" }; print READY$((1))'
      while zpty -r z line; do [[ $line == *READY1* ]] && break; done
      zpty -w z "$1"$'\\t'
      while zpty -r z line; do [[ $line == *'<<'*'>>'* ]] && break; done
      print -r -- "$line"
      zpty -d z`;
    const { stdout } = await run('zsh', ['-f', '-c', script, 'zsh', typed]);
    return /<<(.*)>>/.exec(stdout)?.[1]?.trim();
  }

  it.each(OFFERS.filter(([, words]) => words.length === 1))('%s', async (typed, [word]) => {
    const before = typed.slice('roble '.length, typed.lastIndexOf(' ') + 1);
    expect(await completed(typed)).toBe(`${before}${word}`);
  });
});
