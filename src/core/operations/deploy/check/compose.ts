import { join } from 'node:path';
import { lastLines, runProgram } from '../../../base/process/programs.js';
import { isSettings } from '../../../base/schema/merge.js';
import { error, missingFile, type StackCheck, type StackFinding, warning } from './stack-check.js';
import { at, entriesAt, itemsAt, type StackFolder, textsAt } from './stack-folder.js';

const BASE = 'docker-compose.yml';
/** Who may be reached from outside of the machine. */
const OPEN = 'nginx';
/** Of dclint, what is about order and taste. */
const TASTE = /order|alphabetical|quotes|project-name|port-interfaces|no-build-and-image/;

export const composeCheck: StackCheck = {
  title: 'Docker Compose',
  async run(stack) {
    const files = await stack.find(['docker-compose*.yml']);
    if (!files.includes(BASE)) return { findings: [missingFile(BASE)] };
    const base = await stack.settings(BASE);
    const services = entriesAt(base, 'services');
    const findings = [
      ...(await schemaFindings(stack, files)),
      ...services.flatMap(([name, service]) => serviceFindings(BASE, name, service)),
      ...(await gracePeriod(stack, services)),
      ...(await missingSources(stack, base)),
      ...services.flatMap(([name, service]) => unknownDependencies(name, service, base)),
      ...closedNetworks(base),
      ...(await openPorts(stack, files)),
    ];
    // Docker itself may be there without its plugin.
    const isInstalled = (await runProgram('docker', ['compose', 'version']))?.isWell;
    const docker =
      isInstalled &&
      (await runProgram('docker', ['compose', '-f', join(stack.path, BASE), 'config', '--quiet']));
    if (docker && !docker.isWell)
      findings.push(
        error(BASE, `"docker compose config" refuses it: ${lastLines(docker.output)}`, 'Mend what it names.'),
      );
    return {
      findings,
      ...(!docker && {
        notChecked: [{ what: 'docker compose config', why: 'Docker Compose is not installed' }],
      }),
    };
  },
};

interface LintMessage {
  readonly rule: string;
  readonly type: 'warning' | 'error';
  readonly line: number;
  readonly message: string;
}

/** By the schema of the Compose Specification, and dclint's rules that are about mistakes. */
async function schemaFindings(stack: StackFolder, files: readonly string[]): Promise<StackFinding[]> {
  // Its types lead to files that the package leaves out.
  const { DCLinter } = (await import('dclint')) as unknown as {
    DCLinter: new (
      options: object,
    ) => {
      lintFiles(paths: string[], recursive: boolean): { messages: LintMessage[] }[];
    };
  };
  const linter = new DCLinter({ rules: {}, quiet: false, debug: false, exclude: [] });
  return files.flatMap((file) =>
    linter
      .lintFiles([join(stack.path, file)], false)
      .flatMap(({ messages }) => messages)
      .filter(({ rule }) => !TASTE.test(rule))
      .map(({ message, line, type }) =>
        (type === 'error' ? error : warning)(
          file,
          `line ${line}: ${message}`,
          'Mend this line, or delete the file and run "roble deploy:compose" again.',
        ),
      ),
  );
}

/** Docker must not end an API that still finishes what it had taken. */
async function gracePeriod(
  stack: StackFolder,
  services: readonly [string, unknown][],
): Promise<StackFinding[]> {
  const config = await stack.settings('roble.config.yaml');
  const neededMs = Number(at(config, 'serve', 'shutdownTimeoutMs') ?? 10_000);
  return services
    .filter(([name]) => name.startsWith('api-'))
    .filter(([, service]) => secondsOf(at(service, 'stop_grace_period')) * 1000 <= neededMs)
    .map(([name]) =>
      error(
        BASE,
        `${name} is killed before its requests are finished`,
        `Set "stop_grace_period" above ${neededMs / 1000} s, the serve.shutdownTimeoutMs of roble.config.yaml.`,
      ),
    );
}

function secondsOf(duration: unknown): number {
  const [, minutes, seconds] = /^(?:(\d+)m)?(?:(\d+)s)?$/.exec(String(duration ?? '10s')) ?? [];
  return Number(minutes ?? 0) * 60 + Number(seconds ?? 0);
}

async function missingSources(stack: StackFolder, base: unknown): Promise<StackFinding[]> {
  const findings: StackFinding[] = [];
  const seen = new Set<string>();
  for (const [, service] of entriesAt(base, 'services'))
    for (const volume of textsAt(service, 'volumes')) {
      const source = volume.split(':')[0]!;
      if (!source.startsWith('./') || seen.has(source) || source.startsWith('./secrets')) continue;
      seen.add(source);
      if (!(await stack.has(source)))
        findings.push(
          error(
            BASE,
            `mounts ${source}, which does not exist: Docker would make an empty folder of root`,
            'Run "roble deploy:compose" again, or remove the volume.',
          ),
        );
    }
  for (const [name, secret] of entriesAt(base, 'secrets')) {
    const file = String(at(secret, 'file') ?? '');
    if (file && !(await stack.has(file)))
      findings.push(
        error(BASE, `the secret ${name} is missing (${file})`, 'Run "roble deploy:secrets" for this folder.'),
      );
  }
  return findings;
}

function unknownDependencies(name: string, service: unknown, base: unknown): StackFinding[] {
  const known = new Set(entriesAt(base, 'services').map(([other]) => other));
  const secrets = new Set(entriesAt(base, 'secrets').map(([secret]) => secret));
  return [
    ...entriesAt(service, 'depends_on')
      .filter(([other]) => !known.has(other))
      .map(([other]) => error(BASE, `${name} depends on ${other}, which is no service`, 'Correct the name.')),
    ...textsAt(service, 'secrets')
      .filter((secret) => !secrets.has(secret))
      .map((secret) =>
        error(BASE, `${name} wants the secret ${secret}, which is not declared`, 'Add it under "secrets:".'),
      ),
  ];
}

/** Networks with databases have no way out. */
function closedNetworks(base: unknown): StackFinding[] {
  return ['redis', 'postgres'].flatMap((name) =>
    textsAt(base, 'services', name, 'networks')
      .filter((network) => at(base, 'networks', network, 'internal') !== true)
      .map((network) =>
        error(
          BASE,
          `${name} is on the network ${network}, which is not internal`,
          `Set "internal: true" for ${network}, or take ${name} off it.`,
        ),
      ),
  );
}

/** Ports of all files that are open to more than this machine, of services that are not meant to be reached. */
async function openPorts(stack: StackFolder, files: readonly string[]): Promise<StackFinding[]> {
  const found: StackFinding[] = [];
  for (const file of files)
    for (const [name, service] of entriesAt(await stack.settings(file), 'services'))
      for (const port of portsOf(service))
        if (name !== OPEN && !port.startsWith('127.0.0.1:'))
          found.push(
            error(
              file,
              `${name} can be reached from outside (port ${port})`,
              `Remove the port, or open it to this machine alone: "127.0.0.1:${port}".`,
            ),
          );
  return found;
}

function portsOf(service: unknown): string[] {
  return itemsAt(service, 'ports').map((port) =>
    isSettings(port)
      ? `${port.host_ip ? `${port.host_ip}:` : ''}${port.published}:${port.target}`
      : String(port),
  );
}

/** What is wrong with one service by itself. */
function serviceFindings(file: string, name: string, service: unknown): StackFinding[] {
  const findings: StackFinding[] = [];
  const say = (isWell: boolean, message: string, fix: string, make = error) => {
    if (!isWell) findings.push(make(file, `${name} ${message}`, fix));
  };
  const image = String(at(service, 'image') ?? '');
  const runsOnce = at(service, 'restart') === 'no';
  say(
    /:[^:/]*\d[^:/]*$|@sha256:/.test(image),
    `has no exact version of its image (${image || 'none'})`,
    'Name a tag with a version, or a digest.',
  );
  say(
    runsOnce || (at(service, 'healthcheck') !== undefined && at(service, 'healthcheck', 'disable') !== true),
    'has no health check',
    'Add "healthcheck:", so that Docker, and those that depend on it, know whether it works.',
  );
  say(
    /^[^:0$]|^\$\{/.test(String(at(service, 'user') ?? '')) && !/^root/.test(String(at(service, 'user'))),
    'runs as root',
    'Set "user:" to another one.',
  );
  say(
    at(service, 'read_only') === true,
    'can write to its root',
    'Set "read_only: true", and "tmpfs:" or volumes for what it writes.',
  );
  say(textsAt(service, 'cap_drop').includes('ALL'), 'keeps rights of root', 'Set "cap_drop: [ALL]".');
  say(at(service, 'privileged') !== true, 'is privileged', 'Remove "privileged".');
  say(
    textsAt(service, 'security_opt').some((option) => /^no-new-privileges(:true)?$/.test(option)),
    'may gain rights',
    'Set "security_opt: [no-new-privileges:true]".',
  );
  const limits = at(service, 'deploy', 'resources', 'limits');
  say(at(limits, 'memory') !== undefined, 'has no bound of memory', 'Set "deploy.resources.limits.memory".');
  say(
    at(limits, 'cpus') !== undefined,
    'has no bound of processors',
    'Set "deploy.resources.limits.cpus".',
    warning,
  );
  say(
    at(service, 'restart') !== undefined,
    'is not started again when it ends',
    'Set "restart: unless-stopped".',
  );
  say(
    at(service, 'logging', 'options', 'max-size') !== undefined,
    'has a log without a bound',
    'Set "logging.options.max-size".',
    warning,
  );
  for (const [variable, value] of environmentOf(service))
    if (isSecret(variable, value))
      findings.push(
        error(
          file,
          `${name} has a secret in its environment (${variable})`,
          `Put it into a file under secrets/, and name the file: ${variable}_FILE.`,
        ),
      );
  return findings;
}

/** As a map or as a list of NAME=VALUE. */
function environmentOf(service: unknown): [string, string][] {
  const lines = textsAt(service, 'environment').map((line): [string, string] => {
    const [name, ...value] = line.split('=');
    return [name!, value.join('=')];
  });
  return [
    ...lines,
    ...entriesAt(service, 'environment').map(([name, value]): [string, string] => [name, String(value)]),
  ];
}

/** A name of a secret with a value of its own, or an address with a password. */
function isSecret(variable: string, value: string): boolean {
  const isNamedSo = /PASSWORD|SECRET|TOKEN|API_?KEY/.test(variable) && !variable.endsWith('_FILE');
  return (isNamedSo && value !== '' && !value.startsWith('${')) || /:\/\/[^/\s]*:[^/\s]+@/.test(value);
}
