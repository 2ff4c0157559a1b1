import { error, type StackCheck, type StackFinding } from './finding.js';
import { at, type StackFolder } from './stack-folder.js';

export const grafanaCheck: StackCheck = {
  title: 'Grafana',
  async run(stack) {
    const sources = new Set<string>();
    for (const file of await stack.find(['grafana/provisioning/datasources/*.{yml,yaml}'])) {
      const listed = at(await stack.settings(file), 'datasources');
      for (const source of Array.isArray(listed) ? listed : []) sources.add(String(at(source, 'uid')));
    }
    const dashboards = await stack.find(['grafana/dashboards/*.json']);
    if (dashboards.length === 0)
      return {
        findings: [error('grafana/dashboards', 'has no dashboards', 'Run "roble deploy:compose" again.')],
      };
    const uids = new Map<string, string>();
    const findings: StackFinding[] = [];
    for (const file of dashboards) {
      findings.push(...(await dashboardFindings(stack, file, sources)));
      const uid = String(at(await stack.settings(file), 'uid'));
      const other = uids.get(uid);
      if (other) findings.push(error(file, `has the uid of ${other} (${uid})`, 'Give it another one.'));
      uids.set(uid, file);
    }
    return { findings };
  },
};

async function dashboardFindings(
  stack: StackFolder,
  file: string,
  sources: ReadonlySet<string>,
): Promise<StackFinding[]> {
  let dashboard: unknown;
  try {
    dashboard = JSON.parse((await stack.text(file)) ?? '');
  } catch (cause) {
    return [
      error(file, `is not JSON: ${(cause as Error).message}`, 'Mend it, or export it from Grafana again.'),
    ];
  }
  const listed = at(dashboard, 'panels');
  const panels = Array.isArray(listed) ? listed : [];
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
  if (panels.length === 0) findings.push(error(file, 'has no panels', 'Run "roble deploy:compose" again.'));
  return findings;
}
