import { RobleCommand } from '../base-command.js';
import type { ProjectStatus } from '../core/operations/status/project-status.js';

export default class Status extends RobleCommand<ProjectStatus> {
  static override summary = 'Show what is here (data, runs, a model), and what to do next.';
  static override description =
    'So does "roble" alone. It changes nothing, and what cannot be read is told in its place.';
  static override examples = ['<%= config.bin %>', '<%= config.bin %> <%= command.id %> --json'];

  protected async execute(): Promise<ProjectStatus> {
    const { projectStatus } = await import('../core/operations/status/project-status.js');
    const folder = process.cwd();
    const configuration = await this.loadConfigWithOrigins().then(
      ({ config, files }) => ({ files, settings: config }),
      (thrown: Error) => ({ fault: thrown.message }),
    );
    return projectStatus(folder, configuration);
  }

  protected async render(status: ProjectStatus): Promise<void> {
    const { statusLines } = await import('../ui/results/status.js');
    for (const line of statusLines(status)) this.log(line);
  }
}
