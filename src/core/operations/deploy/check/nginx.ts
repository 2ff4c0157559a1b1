import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { lastLines, runProgram, withTemporaryFolder } from '../../../base/process/programs.js';
import { selfSignedCertificate } from '../secrets.js';
import { error, missingFile, missingProgram, type StackCheck, type StackFinding } from './stack-check.js';
import { at, entriesAt, type StackFolder } from './stack-folder.js';

const FILE = 'nginx/nginx.conf';

export const nginxCheck: StackCheck = {
  title: 'nginx',
  async run(stack) {
    const text = await stack.text(FILE);
    if (text === undefined) return { findings: [missingFile(FILE)] };
    const findings = [...(await structure(stack, text)), ...(await upstreamServices(stack, text))];
    const tried = await tryOut(text);
    if (tried === undefined)
      return {
        findings,
        notChecked: [missingProgram('nginx', 'nginx', 'whether nginx takes its configuration')],
      };
    if (!tried.isWell)
      findings.push(error(FILE, `nginx refuses it: ${lastLines(tried.output)}`, 'Mend what it names.'));
    return { findings };
  },
};

async function structure(stack: StackFolder, text: string): Promise<StackFinding[]> {
  const serve = at(await stack.settings('roble.config.yaml'), 'serve');
  const number = (key: string, fallback: number) => Number(at(serve, key) ?? fallback);
  const bodyBytes = number('maxBodyBytes', 10_485_760);
  const requestSeconds = number('requestTimeoutMs', 30_000) / 1000;
  const findings: StackFinding[] = [];
  const say = (isWell: boolean, message: string, fix: string) => {
    if (!isWell) findings.push(error(FILE, message, fix));
  };
  say(
    bytesOf(directive(text, 'client_max_body_size')) === bodyBytes,
    'takes other sizes of requests than the APIs do',
    `Set "client_max_body_size ${bodyBytes};", the serve.maxBodyBytes of roble.config.yaml.`,
  );
  say(
    secondsOf(directive(text, 'proxy_read_timeout')) >= requestSeconds,
    'gives requests up before the APIs do',
    `Set "proxy_read_timeout" to at least ${requestSeconds} s, the serve.requestTimeoutMs of roble.config.yaml.`,
  );
  say(
    /^[^#\n]*limit_req\s/m.test(text),
    'does not limit requests',
    'Add "limit_req zone=requests ..." to the predictions.',
  );
  say(
    !/TLSv1(\.1)?[\s;]/.test(directive(text, 'ssl_protocols') ?? 'TLSv1 '),
    'allows old versions of TLS, or does not say which',
    'Set "ssl_protocols TLSv1.2 TLSv1.3;".',
  );
  for (const [what, pattern] of [
    ['/metrics', /location\s+(=|\^~)\s+\/metrics\s*\{\s*(return 40[34]|deny all)/],
    ['/admin', /location\s+\^~\s+\/admin\s*\{\s*(return 40[34]|deny all)/],
  ] as const)
    say(
      pattern.test(text),
      `shows ${what} to the outside`,
      `Add "location ${what === '/metrics' ? '=' : '^~'} ${what} { return 404; }".`,
    );
  for (const block of text.split(/(?=\blocation\s)/))
    if (/\bnon_idempotent\b/.test(block) && !/predict/.test(block.split('{')[0]!))
      say(
        false,
        'may repeat requests that change something (non_idempotent)',
        'Allow that for predictions alone.',
      );
  return findings;
}

/** Every API is behind nginx, and nothing else is. */
async function upstreamServices(stack: StackFolder, text: string): Promise<StackFinding[]> {
  const services = entriesAt(await stack.settings('docker-compose.yml'), 'services').map(([name]) => name);
  const names = [...text.matchAll(/^\s*server\s+([^\s:;{]+):\d+[^;{]*;/gm)].map(([, name]) => name!);
  return [
    ...names
      .filter((name) => !services.includes(name))
      .map((name) =>
        error(FILE, `${name} is no service of docker-compose.yml`, 'Remove the line, or add the service.'),
      ),
    ...services
      .filter((name) => name.startsWith('api-') && !names.includes(name))
      .map((name) =>
        error(
          FILE,
          `${name} gets no requests`,
          `Add "server ${name}:8080 max_fails=2 fail_timeout=5s;" to the upstream.`,
        ),
      ),
  ];
}

/** By nginx itself, with names that resolve here and a certificate of the moment. */
async function tryOut(text: string) {
  return withTemporaryFolder(async (folder) => {
    const { cert, key } = await selfSignedCertificate('localhost');
    await writeFile(join(folder, 'tls.crt'), cert);
    await writeFile(join(folder, 'tls.key'), key);
    const here = text
      .replaceAll(/(\s)\/tmp\//g, `$1${folder}/`)
      .replaceAll('/etc/nginx/tls/', `${folder}/`)
      .replaceAll(/^(\s*server\s+)[A-Za-z][\w.-]*:/gm, '$1127.0.0.1:')
      .replaceAll(/^(\s*access_log\s+)\/dev\/stdout/gm, '$1/dev/null');
    await writeFile(join(folder, 'nginx.conf'), here);
    return runProgram('nginx', ['-t', '-q', '-p', folder, '-c', join(folder, 'nginx.conf'), '-e', 'stderr']);
  });
}

function directive(text: string, name: string): string | undefined {
  return new RegExp(`^\\s*${name}\\s+([^;]+;)`, 'm').exec(text)?.[1];
}

function bytesOf(text: string | undefined): number {
  const [, digits, unit] = /^(\d+)([kmg]?);$/i.exec(text ?? '') ?? [];
  return Number(digits) * 1024 ** ['', 'k', 'm', 'g'].indexOf((unit ?? '').toLowerCase());
}

function secondsOf(text: string | undefined): number {
  const [, digits, unit] = /^(\d+)(s|m)?;$/.exec(text ?? '') ?? [];
  return Number(digits ?? 0) * (unit === 'm' ? 60 : 1);
}
