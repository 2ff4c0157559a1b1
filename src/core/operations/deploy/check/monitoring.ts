import { cp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { lastLines, runProgram, withTemporaryFolder } from '../../../base/process/programs.js';
import { error, missingFile, missingProgram, type StackCheck, type StackFinding } from './stack-check.js';
import { at, entriesAt, itemsAt, type StackFolder, textsAt } from './stack-folder.js';

const CONFIG = 'prometheus/prometheus.yml';
const ALERTS = 'prometheus/alerts.yml';
const TESTS = 'prometheus/alerts.test.yml';

export const prometheusCheck: StackCheck = {
  title: 'Prometheus',
  async run(stack) {
    for (const file of [CONFIG, ALERTS])
      if (!(await stack.has(file))) return { findings: [missingFile(file)] };
    const findings = [...(await alertFindings(stack)), ...(await targetFindings(stack))];
    const tried = await tryOut(stack);
    if (tried === undefined)
      return {
        findings,
        notChecked: [
          missingProgram(
            'promtool',
            'prometheus',
            'whether Prometheus takes its rules, and whether their tests pass',
          ),
        ],
      };
    return { findings: [...findings, ...tried] };
  },
};

interface Alert {
  readonly name: string;
  readonly rule: unknown;
}

async function alertsOf(stack: StackFolder): Promise<Alert[]> {
  return itemsAt(await stack.settings(ALERTS), 'groups')
    .flatMap((group) => itemsAt(group, 'rules'))
    .filter((rule) => at(rule, 'alert') !== undefined)
    .map((rule) => ({ name: String(at(rule, 'alert')), rule }));
}

async function alertFindings(stack: StackFolder): Promise<StackFinding[]> {
  const tested = itemsAt(await stack.settings(TESTS), 'tests')
    .flatMap((test) => itemsAt(test, 'alert_rule_test'))
    .map((test) => at(test, 'alertname'));
  const findings: StackFinding[] = [];
  for (const { name, rule } of await alertsOf(stack)) {
    if (at(rule, 'labels', 'severity') === undefined)
      findings.push(
        error(ALERTS, `${name} has no severity`, 'Add "labels: { severity: warning }", or critical.'),
      );
    if (at(rule, 'annotations', 'summary') === undefined)
      findings.push(
        error(ALERTS, `${name} does not say what it is about`, 'Add "summary" to its annotations.'),
      );
    const runbook = at(rule, 'annotations', 'runbook');
    if (runbook === undefined || !(await stack.has(String(runbook))))
      findings.push(
        error(
          ALERTS,
          `${name} names no playbook that exists (${runbook ?? 'none'})`,
          'Name one in "runbook", such as playbooks/api-down.md.',
        ),
      );
    if (!tested.includes(name))
      findings.push(
        error(TESTS, `does not test ${name}`, 'Add a case in which it comes, and one in which it does not.'),
      );
  }
  return findings;
}

/** What is scraped are services. */
async function targetFindings(stack: StackFolder): Promise<StackFinding[]> {
  const services = entriesAt(await stack.settings('docker-compose.yml'), 'services').map(([name]) => name);
  const targets = itemsAt(await stack.settings(CONFIG), 'scrape_configs')
    .flatMap((job) => itemsAt(job, 'static_configs'))
    .flatMap((config) => textsAt(config, 'targets'))
    .map((target) => target.split(':')[0]!);
  return [
    ...targets
      .filter((name) => name !== 'localhost' && !services.includes(name))
      .map((name) =>
        error(
          CONFIG,
          `scrapes ${name}, which is no service of docker-compose.yml`,
          'Remove it, or correct the name.',
        ),
      ),
    ...services
      .filter((name) => name.startsWith('api-') && !targets.includes(name))
      .map((name) =>
        error(CONFIG, `does not scrape ${name}`, `Add "${name}:8081" to the targets of the job roble.`),
      ),
  ];
}

/** By promtool: the configuration, the rules, their tests, and the expressions of the dashboards as rules. */
async function tryOut(stack: StackFolder): Promise<StackFinding[] | undefined> {
  if ((await runProgram('promtool', ['--version'])) === undefined) return undefined;
  return withTemporaryFolder(async (folder) => {
    await cp(join(stack.path, 'prometheus'), folder, { recursive: true });
    await writeFile(join(folder, 'key'), 'key');
    const config = ((await stack.text(CONFIG)) ?? '').replaceAll(/\/run\/secrets\/\w+/g, join(folder, 'key'));
    await writeFile(join(folder, 'prometheus.yml'), config);
    const findings: StackFinding[] = [];
    const run = async (file: string, fix: string, ...words: string[]) => {
      const ran = await runProgram('promtool', words, { cwd: folder });
      if (!ran?.isWell)
        findings.push(
          error(file, `promtool ${words.slice(0, 2).join(' ')}: ${lastLines(ran?.output ?? '', 8)}`, fix),
        );
      return ran?.isWell ?? false;
    };
    const isSound =
      (await run(ALERTS, 'Mend the expression that it names.', 'check', 'rules', 'alerts.yml')) &&
      (await run(CONFIG, 'Mend what it names.', 'check', 'config', 'prometheus.yml'));
    if (isSound && (await stack.has(TESTS)))
      await run(
        TESTS,
        'Mend the alert, or the test where the alert is right.',
        'test',
        'rules',
        'alerts.test.yml',
      );
    for (const dashboard of await stack.find(['grafana/dashboards/*.json'])) {
      await writeFile(join(folder, 'dashboard.yml'), await asRules(stack, dashboard));
      await run(dashboard, 'Mend the expression that it names.', 'check', 'rules', 'dashboard.yml');
    }
    return findings;
  });
}

async function asRules(stack: StackFolder, dashboard: string): Promise<string> {
  const rules = (await expressionsOf(stack, dashboard)).map((expression, i) => ({
    record: `panel:line${i}`,
    expr: expression
      .replaceAll('$__rate_interval', '1m')
      .replaceAll('$__range', '1h')
      .replaceAll(/\$\{?\w+\}?/g, 'x'),
  }));
  return JSON.stringify({ groups: [{ name: 'dashboard', rules }] });
}

/** The queries of a dashboard of Grafana. */
async function expressionsOf(stack: StackFolder, dashboard: string): Promise<string[]> {
  return itemsAt(await stack.settings(dashboard), 'panels')
    .flatMap((panel) => itemsAt(panel, 'targets'))
    .map((target) => at(target, 'expr'))
    .filter((expression) => typeof expression === 'string');
}

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
