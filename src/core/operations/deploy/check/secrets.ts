import { join } from 'node:path';
import { runProgram } from '../../../base/process/programs.js';
import { SECRETS } from '../stack-settings.js';
import { error, type StackCheck, type StackFinding } from './stack-check.js';
import type { StackFolder } from './stack-folder.js';

const PRIVATE = ['secrets', 'keys', '.env'];
/** Texts that only machines make: keys of roble, private keys, tokens of well-known services. */
const LOOKS_SECRET =
  /roble_[\w-]{43}\b|-----BEGIN [A-Z ]*PRIVATE KEY-----|\b(ghp|gho|ghs)_\w{36}\b|\bAKIA[0-9A-Z]{16}\b|:\/\/[^/\s:@]+:[\w-]{16,}@/;

export const secretsCheck: StackCheck = {
  title: 'Secrets',
  async run(stack) {
    const findings: StackFinding[] = [];
    for (const name of SECRETS)
      if (!(await stack.has(join('secrets', name))))
        findings.push(
          error(join('secrets', name), 'is missing', 'Run "roble deploy:secrets" for this folder.'),
        );
    for (const name of ['secrets/tls/tls.crt', 'secrets/tls/tls.key'])
      if (!(await stack.has(name)))
        findings.push(
          error(
            name,
            'is missing',
            'Put your certificate there, or run "roble deploy:secrets" for a first one.',
          ),
        );
    for (const name of ['secrets', 'keys']) {
      const mode = await stack.mode(name);
      if (mode !== undefined && (mode & 0o077) !== 0)
        findings.push(
          error(name, `can be entered by others (${mode.toString(8)})`, `Run "chmod 700 ${name}".`),
        );
    }
    findings.push(...(await ignoredFindings(stack)), ...(await leaked(stack)));
    return { findings };
  },
};

async function ignoredFindings(stack: StackFolder): Promise<StackFinding[]> {
  const lines = ((await stack.text('.gitignore')) ?? '').split('\n').map((line) => line.replace(/\/$/, ''));
  const tracked = await runProgram('git', ['ls-files', '--', ...PRIVATE], { cwd: stack.path });
  return [
    ...PRIVATE.filter((name) => !lines.includes(name)).map((name) =>
      error('.gitignore', `does not keep ${name} out of version control`, `Add the line "${name}".`),
    ),
    ...(tracked?.isWell ? tracked.output.split('\n').filter(Boolean) : []).map((name) =>
      error(
        name,
        'is under version control',
        `Run "git rm --cached ${name}", and make a new one: everybody who has the history has this one.`,
      ),
    ),
  ];
}

/** In files that are meant to be seen. */
async function leaked(stack: StackFolder): Promise<StackFinding[]> {
  const files = await stack.find([
    '**/*.{yml,yaml,json,conf,sql,sh,md,js,example}',
    'Dockerfile',
    'Makefile',
  ]);
  const findings: StackFinding[] = [];
  for (const file of files) {
    if (/^(secrets|keys|backups|models)\//.test(file)) continue;
    const lines = ((await stack.text(file)) ?? '').split('\n');
    const line = lines.findIndex((text) => LOOKS_SECRET.test(text));
    if (line >= 0)
      findings.push(
        error(
          file,
          `line ${line + 1} looks like a secret`,
          'Move it into a file under secrets/, and make a new one: this one was written down.',
        ),
      );
  }
  return findings;
}
