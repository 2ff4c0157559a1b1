import { error, type StackFinding, warning } from './stack-check.js';
import { at, entriesAt, textsAt } from './stack-folder.js';

/** What one service lacks, whatever the others are. */
export function serviceFindings(file: string, name: string, service: unknown): StackFinding[] {
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
