import * as Flags from '@oclif/core/flags';
import { RobleCommand } from '../base-command.js';
import type { Context } from '../core/base/context.js';
import { EXIT } from '../core/base/errors.js';
import type { DoctorReport } from '../core/operations/doctor/doctor.js';

export default class Doctor extends RobleCommand<DoctorReport> {
  static override summary = 'Look for what is wrong on this machine and in this project, and how to mend it.';
  static override description =
    'Node, system, memory, disks, configuration, engines and devices, the GPU, formats of pictures, and the ports, databases and Redis that the configuration names. Everything is looked at at once, for a limited time, and nothing is changed. The exit code is 3 when something is wrong.';
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> --json',
  ];
  static override flags = {
    all: Flags.boolean({ description: 'Show also what there was nothing to look at of.' }),
  };

  protected override readonly tellsPlugins = true;

  protected async execute(context: Context): Promise<DoctorReport> {
    const { examineProject } = await import('../library.js');
    const load = () => this.loadConfigWithOrigins();
    const report = await examineProject({ folder: process.cwd(), load }, context);
    if (!report.healthy) this.exitCode = EXIT.environment;
    return report;
  }

  protected async render(report: DoctorReport): Promise<void> {
    const { flags } = await this.parse(Doctor);
    const { doctorLines } = await import('../ui/results/checks.js');
    for (const line of doctorLines(report, flags.all)) this.log(line);
  }
}
