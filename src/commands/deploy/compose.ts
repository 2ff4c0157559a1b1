import { dirname, resolve } from 'node:path';
import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';
import { RobleCommand } from '../../base-command.js';
import type { Context } from '../../core/base/context.js';
import type { MadeStack } from '../../core/operations/deploy/make-stack.js';
import { STACK_DEFAULTS } from '../../core/operations/deploy/stack-settings.js';
import type { FileState } from '../../core/operations/deploy/write-stack.js';

const { replicas, domain, rateLimit, cpus, memory } = STACK_DEFAULTS;

const WORDS: Readonly<Record<FileState, string>> = {
  new: 'new',
  updated: 'updated',
  unchanged: 'up to date',
  kept: 'yours, kept',
  replaced: 'replaced; yours is FILE.before',
};

/** A choice as it is given to the command. */
function flagOf(name: string, value: string | number | boolean): string {
  const flag = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  return typeof value === 'boolean' ? `--${value ? '' : 'no-'}${flag}` : `--${flag} ${value}`;
}

export default class DeployCompose extends RobleCommand<MadeStack & { readonly dryRun: boolean }> {
  static override summary =
    'Write the production stack: Docker Compose, nginx, databases, monitoring, delivery.';
  static override description =
    'Makes a folder that "docker compose up" starts, from the newest model and the configuration of the project. Running it again keeps what you chose before, brings up to date what you did not change, and shows the difference where you did; a file of yours is replaced only when you say so, and kept beside the new one.';
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> production --domain letters.example.com --replicas 3',
    '<%= config.bin %> <%= command.id %> --dry-run',
  ];
  static override args = {
    folder: Args.string({ description: 'Folder of the stack (deploy).', ignoreStdin: true }),
  };
  static override flags = {
    model: Flags.string({ description: 'Folder of the model bundle; by default that of the newest run.' }),
    replicas: Flags.integer({
      description: `APIs behind nginx (${replicas}); from two on, one can die or restart without a request lost.`,
      min: 1,
      max: 32,
    }),
    domain: Flags.string({ description: `Name under which clients reach it (${domain}).` }),
    'rate-limit': Flags.integer({
      description: `Requests of one address before nginx says 429, and as many at once (${rateLimit}).`,
      helpValue: 'REQUESTS/S',
      min: 1,
    }),
    cpus: Flags.integer({ description: `Most processors of each API (${cpus}).`, min: 1 }),
    memory: Flags.string({ description: `Most memory of each API (${memory}).`, helpValue: '512M|2G' }),
    bake: Flags.boolean({
      description: 'Put the models into the image instead of a folder beside it (no).',
      allowNo: true,
    }),
    workflow: Flags.boolean({
      description: 'Write .github/workflows/roble-deploy.yaml, too (yes).',
      allowNo: true,
    }),
    force: Flags.boolean({ description: 'Replace files that you changed; yours are kept as FILE.before.' }),
    'dry-run': Flags.boolean({ description: 'Show what would be written, and write nothing.' }),
  };

  protected async execute(context: Context) {
    const { args, flags } = await this.parse(DeployCompose);
    const loaded = await this.loadConfigWithOrigins();
    const project = loaded.projectFile === undefined ? resolve('.') : dirname(loaded.projectFile);
    const { findNewestBundle } = await import('../../core/model/bundle.js');
    const { makeStack } = await import('../../library.js');
    const dryRun = flags['dry-run'] ?? false;
    const made = await makeStack(
      {
        project,
        folder: resolve(args.folder ?? `${project}/deploy`),
        loaded,
        choices: {
          replicas: flags.replicas,
          domain: flags.domain,
          rateLimit: flags['rate-limit'],
          cpus: flags.cpus,
          memory: flags.memory,
          bake: flags.bake,
          workflow: flags.workflow,
        },
        bundle: flags.model ?? (await findNewestBundle(loaded.config.runs)),
        dryRun,
        replace: ({ path, diff }) => flags.force || this.mayReplace(path, diff, dryRun),
      },
      context,
    );
    return { ...made, dryRun };
  }

  /** Asks a person; without one the file stays. */
  private async mayReplace(path: string, diff: string, dryRun: boolean): Promise<boolean> {
    if (dryRun || !this.isInteractive) return false;
    process.stderr.write(`${this.hide(diff)}\n`);
    const { ask } = await import('../../ui/terminal/ask.js');
    const { answer } = await ask(
      {
        answer: {
          flag: '--force',
          message: `You changed ${path}. Replace it? Yours is kept as ${path}.before`,
          fallback: false,
          choices: [
            { value: false, name: 'keep mine' },
            { value: true, name: "replace it by roble's" },
          ],
        },
      },
      { given: {}, yes: false, interactive: true },
    );
    return answer;
  }

  protected render(made: MadeStack & { readonly dryRun: boolean }): void {
    const { folder, choices, asBefore, files, model, dryRun } = made;
    if (asBefore.length > 0)
      this.log(`As before: ${asBefore.map((name) => flagOf(name, choices[name])).join(' ')}\n`);
    for (const { path, state } of files)
      if (state !== 'unchanged') this.log(`${WORDS[state].padEnd(12)} ${path}`);
    for (const { state, diff } of files) if (diff && (state === 'kept' || dryRun)) this.log(`\n${diff}`);
    const same = files.filter(({ state }) => state === 'unchanged').length;
    if (same > 0) this.log(`${same} files are up to date.`);
    this.log(`models/${model.version} ${model.isNew ? 'is the model' : 'holds this model already'}.`);
    if (dryRun) this.log(`Nothing was written to ${folder}.`);
    else
      this.log(
        `\nNext: "roble deploy:secrets ${folder}" makes passwords and keys, "roble deploy:check ${folder}" looks for mistakes, "make -C ${folder} up" starts it.`,
      );
  }
}
