import * as Flags from '@oclif/core/flags';
import { RobleCommand } from '../../base-command.js';
import type { Context } from '../../core/base/context.js';
import { EXIT, RobleError } from '../../core/base/errors.js';
import { INSTALLABLE, type Installable } from '../../core/operations/gpu/install.js';
import type { SetUpResult } from '../../core/operations/gpu/set-up.js';
import { gpuLines } from '../../ui/results/gpu.js';

type Done = { readonly installed: string } | { readonly script: string } | { readonly watched: true };

export default class GpuSetup extends RobleCommand<
  (SetUpResult & { readonly written?: readonly string[] }) | Done
> {
  static override summary = 'Find out what this machine can compute on, and how fast.';
  static override description =
    'Checks drivers, libraries and access, trains a few steps on every device in a process of its own, compares the results with the CPU, and remembers the speeds for "--device auto". The exit code is 3 when what the configuration asks for cannot be used.';
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> --write --report audit.md',
    '<%= config.bin %> <%= command.id %> --install cuda',
    '<%= config.bin %> <%= command.id %> --script gpu-diagnosis.sh',
  ];
  static override flags = {
    write: Flags.boolean({ description: 'Write the fastest engine and device into the configuration file.' }),
    report: Flags.string({
      helpValue: 'FILE',
      description:
        'Write the audit: machine, software, data, figures and risks. JSON if the name ends so, else Markdown.',
    }),
    force: Flags.boolean({ description: 'Replace files that exist.' }),
    'time-limit': Flags.integer({
      helpValue: 'SECONDS',
      description: 'Longest time for one device (90).',
      min: 1,
    }),
    install: Flags.option({
      options: INSTALLABLE,
      description: 'Install what a device needs, after showing what that does.',
      exclusive: ['write', 'report', 'script', 'watch'],
    })(),
    yes: Flags.boolean({ char: 'y', description: 'Install without asking.', dependsOn: ['install'] }),
    script: Flags.string({
      helpValue: 'FILE',
      description: 'Write the checks as a shell script, for a machine without roble.',
      exclusive: ['write', 'report', 'install', 'watch'],
    }),
    watch: Flags.boolean({
      description: 'Show utilisation, memory and temperature until Ctrl-C.',
      exclusive: ['write', 'report', 'install', 'script'],
    }),
  };

  protected async execute(context: Context) {
    const { flags } = await this.parse(GpuSetup);
    if (flags.install) return this.install(flags.install, flags.yes, context.signal);
    if (flags.script) return this.writeScript(flags.script, flags.force);
    if (flags.watch) return this.watch(context.signal!);
    return this.setUp(context);
  }

  private async setUp(context: Context): Promise<SetUpResult & { written?: string[] }> {
    const { flags } = await this.parse(GpuSetup);
    const { config, files } = await this.loadConfigWithOrigins();
    const { writeDevice } = await import('../../core/operations/gpu/set-up.js');
    const { setUpGpu } = await import('../../library.js');
    const { checkOutputs } = await import('../../core/base/storage/files.js');
    if (flags.report) await checkOutputs([flags.report], flags.force);
    const project = files.at(-1);
    if (flags.write && !project)
      throw new RobleError('ROBLE_FILE_NOT_FOUND', 'There is no configuration file to write into.', {
        nextSteps: ['"roble init" writes one.'],
      });
    const { engine, device } = config.train;
    const limit = flags['time-limit'];
    const result = await setUpGpu({ engine, device, ...(limit && { timeoutMs: limit * 1000 }) }, context);
    const written: string[] = [];
    if (flags.write && project && result.best) {
      await writeDevice(project, result.best);
      written.push(project);
    }
    if (flags.report) {
      await this.writeReport(flags.report, result, config.dataset);
      written.push(flags.report);
    }
    const isMended = flags.write && result.best;
    if (!result.asked.usable && !isMended) this.exitCode = EXIT.environment;
    return { ...result, ...(written.length > 0 && { written }) };
  }

  private async writeReport(file: string, result: SetUpResult, folder: string): Promise<void> {
    const { openDataset } = await import('../../core/data/dataset/open.js');
    const { auditMarkdown } = await import('../../pages/gpu-audit.js');
    const { exists } = await import('../../core/base/storage/files.js');
    const { replaceFile } = await import('../../core/base/storage/durable.js');
    const dataset = (await exists(folder)) ? { ...(await openDataset(folder)).manifest, folder } : undefined;
    const text = file.endsWith('.json')
      ? `${JSON.stringify({ ...result, ...(dataset && { dataset }) }, null, 2)}\n`
      : auditMarkdown(result, dataset, this.config.version);
    await replaceFile(file, text);
  }

  private async install(what: Installable, yes: boolean, signal?: AbortSignal): Promise<Done> {
    const { install, installPlan } = await import('../../core/operations/gpu/install.js');
    const { ask } = await import('../../ui/terminal/ask.js');
    const plan = installPlan(what, process.cwd());
    process.stderr.write(
      `Installs ${plan.about}\nNeeds: ${plan.needs}\nRuns, in ${plan.folder}: ${[plan.program, ...plan.args].join(' ')}\n`,
    );
    const { go } = await ask(
      {
        go: {
          flag: '--yes',
          message: 'Install it?',
          fallback: true,
          choices: [
            { value: true, name: 'yes' },
            { value: false, name: 'no' },
          ],
        },
      },
      {
        given: {},
        yes,
        interactive: this.isInteractive,
        signal,
      },
    );
    if (!go) throw new RobleError('ROBLE_INTERRUPTED', 'Nothing was installed.');
    await install(plan, signal);
    return { installed: what };
  }

  private async writeScript(file: string, force: boolean): Promise<Done> {
    const { checkOutputs } = await import('../../core/base/storage/files.js');
    const { replaceFile } = await import('../../core/base/storage/durable.js');
    const { readFile } = await import('node:fs/promises');
    await checkOutputs([file], force);
    await replaceFile(file, await readFile(new URL('../../../templates/gpu-diagnosis.sh', import.meta.url)));
    return { script: file };
  }

  private async watch(signal: AbortSignal): Promise<Done> {
    const { sampleUtilization } = await import('../../core/operations/gpu/nvidia-smi.js');
    const { showUtilization } = await import('../../ui/results/gpu.js');
    await showUtilization(sampleUtilization, process.stderr, signal);
    // Being stopped is how watching ends well.
    this.exitCode = EXIT.ok;
    return { watched: true };
  }

  protected render(result: SetUpResult | Done): void {
    if ('installed' in result) this.log(`Installed ${result.installed}. "roble gpu:setup" tries it.`);
    else if ('script' in result) this.log(`Wrote ${result.script}. Run it there: sh ${result.script}`);
    else if ('devices' in result) for (const line of gpuLines(result)) this.log(line);
  }
}
