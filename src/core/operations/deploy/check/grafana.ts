import { error, type StackCheck, type StackFinding } from './stack-check.js';
import { at, itemsAt } from './stack-folder.js';

export const grafanaCheck: StackCheck = {
  title: 'Grafana',
  async run(stack) {
    const sources = new Set<string>();
    for (const file of await stack.find(['grafana/provisioning/datasources/*.{yml,yaml}']))
      for (const source of itemsAt(await stack.settings(file), 'datasources'))
        sources.add(String(at(source, 'uid')));
    const files = await stack.find(['grafana/dashboards/*.json']);
    if (files.length === 0)
      return {
        findings: [error('grafana/dashboards', 'has no dashboards', 'Run "roble deploy:compose" again.')],
      };
    const uids = new Map<string, string>();
    const findings: StackFinding[] = [];
    for (const file of files) {
      const dashboard = await stack.settings(file);
      findings.push(...panelFindings(file, dashboard, sources));
      const uid = String(at(dashboard, 'uid'));
      const other = uids.get(uid);
      if (other) findings.push(error(file, `has the uid of ${other} (${uid})`, 'Give it another one.'));
      uids.set(uid, file);
    }
    return { findings };
  },
};

function panelFindings(file: string, dashboard: unknown, sources: ReadonlySet<string>): StackFinding[] {
  const panels = itemsAt(dashboard, 'panels');
  if (panels.length === 0) return [error(file, 'has no panels', 'Run "roble deploy:compose" again.')];
  const findings: StackFinding[] = [];
  const ids = new Set<unknown>();
  for (const panel of panels) {
    const [id, title] = [at(panel, 'id'), at(panel, 'title')];
    if (ids.has(id))
      findings.push(error(file, `has two panels of the id ${id} (${title})`, 'Give one of them another id.'));
    ids.add(id);
    const source = at(panel, 'datasource', 'uid');
    if (source !== undefined && !sources.has(String(source)))
      findings.push(
        error(
          file,
          `"${title}" asks the data source ${source}, which is not provisioned`,
          `Use one of: ${[...sources].join(', ')}.`,
        ),
      );
  }
  return findings;
}
