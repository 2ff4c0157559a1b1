import { join } from 'node:path';
import { lastLines, runProgram } from '../../../base/process/programs.js';
import { STACK_MANIFEST } from '../write-stack.js';
import { error, missingFile, type StackCheck, type StackFinding, warning } from './stack-check.js';
import { entriesAt, type StackFolder } from './stack-folder.js';

const CONFIG = 'roble.config.yaml';
const PACKAGE = 'roble.tgz';

/** What is wrong with a configuration file of roble, in sentences; nothing where it can be used. */
export type CheckConfig = (file: string) => Promise<readonly string[]>;

export const filesCheck = (checkConfig: CheckConfig): StackCheck => ({
  title: 'Scripts, configuration, package',
  async run(stack) {
    const findings = [
      ...(await missingFiles(stack)),
      ...(await scriptFindings(stack)),
      ...(await configFindings(stack, checkConfig)),
      ...(await packageFindings(stack)),
    ];
    return { findings };
  },
});

/** What roble wrote and is gone. */
async function missingFiles(stack: StackFolder): Promise<StackFinding[]> {
  const written = entriesAt(await stack.settings(STACK_MANIFEST), 'files').map(([name]) => name);
  const findings: StackFinding[] = [];
  for (const name of written) {
    // What no other check reads, such as the settings of Loki, is well-formed all the same.
    if (/\.(ya?ml|json)$/.test(name)) await stack.settings(name);
    if (!(await stack.has(name)))
      findings.push(
        warning(
          name,
          'was part of the stack, and is gone',
          'Run "roble deploy:compose" again, unless you meant it.',
        ),
      );
  }
  return findings;
}

async function scriptFindings(stack: StackFolder): Promise<StackFinding[]> {
  const findings: StackFinding[] = [];
  for (const script of await stack.find(['scripts/*.sh'])) {
    if ((((await stack.mode(script)) ?? 0) % 8) % 2 === 0)
      findings.push(error(script, 'cannot be executed', `Run "chmod 755 ${script}".`));
    const ran = await runProgram('sh', ['-n', join(stack.path, script)]);
    if (ran && !ran.isWell)
      findings.push(error(script, `the shell refuses it: ${lastLines(ran.output)}`, 'Mend this line.'));
  }
  return findings;
}

/** By roble's own schema; paths of the containers are not looked for here. */
async function configFindings(stack: StackFolder, checkConfig: CheckConfig): Promise<StackFinding[]> {
  if (!(await stack.has(CONFIG))) return [missingFile(CONFIG)];
  const problems = await checkConfig(join(stack.path, CONFIG));
  return problems.length === 0
    ? []
    : [error(CONFIG, problems.join(' '), 'docs/configuration.md names every key.')];
}

async function packageFindings(stack: StackFolder): Promise<StackFinding[]> {
  if (!(await stack.has(PACKAGE)))
    return [error(PACKAGE, 'is missing: the image cannot be built', 'Run "roble deploy:compose" again.')];
  const { list } = await import('tar');
  const names = new Set<string>();
  try {
    await list({
      file: join(stack.path, PACKAGE),
      onReadEntry: ({ path }) => void names.add(path),
      strict: true,
    });
  } catch (thrown) {
    return [
      error(PACKAGE, `cannot be read: ${(thrown as Error).message}`, 'Run "roble deploy:compose" again.'),
    ];
  }
  return ['package/package.json', 'package/npm-shrinkwrap.json', 'package/bin/run.js']
    .filter((name) => !names.has(name))
    .map((name) =>
      error(PACKAGE, `has no ${name}: the image cannot be built`, 'Run "roble deploy:compose" again.'),
    );
}
