import { RobleError } from '../../core/base/errors.js';

/** One thing to ask, and the flag that answers it without asking. */
export interface Question<T, Answers = object> {
  readonly flag: string;
  readonly message: string;
  /** The answer of `--yes`, and what the prompt suggests; it may follow from the answers before. */
  readonly fallback: T | ((answers: Partial<Answers>) => T);
  /** The only answers there are; else any text, or any whole number when the fallback is a number. */
  readonly choices?: readonly { readonly value: T; readonly name: string }[];
}

export type Questions<Answers> = {
  readonly [Name in keyof Answers]: Question<Answers[Name], Answers>;
};

export interface AskOptions<Answers> {
  /** Answers that flags have given. */
  readonly given: { readonly [Name in keyof Answers]?: Answers[Name] | undefined };
  /** Take the fallback instead of asking. */
  readonly yes: boolean;
  /** Whether a person is there to answer. */
  readonly interactive: boolean;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Answers to all questions: those of flags, then the fallbacks with `yes`, else those of the person at the terminal.
 *
 * @throws {RobleError} `ROBLE_USAGE` naming the flags, when there is no terminal to ask on.
 */
export async function ask<Answers extends object>(
  questions: Questions<Answers>,
  { given, yes, interactive, signal }: AskOptions<Answers>,
): Promise<Answers> {
  const names = Object.keys(questions) as (keyof Answers)[];
  const open = names.filter((name) => given[name] === undefined);
  if (!yes && !interactive && open.length > 0) throw unanswered(open.map((name) => questions[name].flag));
  const answers: Partial<Answers> = {};
  for (const name of names) {
    const question = questions[name];
    const fallback = suggestion(question, answers);
    answers[name] = given[name] ?? (yes ? fallback : await prompt({ ...question, fallback }, signal));
  }
  return answers as Answers;
}

function suggestion<T, Answers>({ fallback }: Question<T, Answers>, answers: Partial<Answers>): T {
  return typeof fallback === 'function' ? (fallback as (answers: Partial<Answers>) => T)(answers) : fallback;
}

function unanswered(flags: readonly string[]): RobleError {
  return new RobleError('ROBLE_USAGE', 'Answers are missing, and there is no terminal to ask on.', {
    expected: flags.join(', '),
    nextSteps: ['Give these flags, or --yes for the suggested answers.'],
  });
}

async function prompt<T>(
  { message, fallback, choices }: Question<T> & { readonly fallback: T },
  signal: AbortSignal | undefined,
): Promise<T> {
  const { input, number, select } = await import('@inquirer/prompts');
  const context = { output: process.stderr, ...(signal && { signal }) };
  try {
    if (choices) return await select({ message, default: fallback, choices: [...choices] }, context);
    if (typeof fallback === 'number')
      return (await number({ message, default: fallback, min: 1, required: true }, context)) as T;
    return (await input({ message, default: String(fallback), required: true }, context)) as T;
  } catch (error) {
    // Ctrl-C at a prompt reaches the prompt's own readline, not the process.
    if ((error as Error).name !== 'ExitPromptError') throw error;
    throw new RobleError('ROBLE_INTERRUPTED', `Interrupted at the question "${message}".`);
  }
}
