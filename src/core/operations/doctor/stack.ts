import { join } from 'node:path';
import { failed, ok, skipped, warning } from '../../base/diagnosis.js';
import { exists } from '../../base/storage/files.js';
import { countOf } from '../../base/text/text.js';
import { checkStack } from '../deploy/check/check-stack.js';
import type { CheckConfig } from '../deploy/check/files.js';
import type { StackCheckName } from '../deploy/check/stack-check.js';
import { STACK_MANIFEST } from '../deploy/write-stack.js';
import type { DoctorCheck } from './subject.js';

/** Those that read files, and start no database. */
const QUICK: readonly StackCheckName[] = ['compose', 'dockerfile', 'workflows', 'secrets', 'access', 'files'];

/** The production stack, where `deploy:compose` wrote one into its usual folder. */
export const stackChecks = (checkConfig: CheckConfig): readonly DoctorCheck[] => [
  {
    id: 'stack',
    title: 'Production stack',
    async run({ folder: project }) {
      const folder = join(project, 'deploy');
      if (!(await exists(join(folder, STACK_MANIFEST)))) return skipped('there is none in deploy/');
      const { checks } = await checkStack({ folder, only: QUICK, checkConfig }, {});
      const findings = checks.flatMap((check) => check.findings);
      if (findings.length === 0)
        return ok(`${folder}; "roble deploy:check" also tries it with the real programs`);
      const verdict = findings.some(({ severity }) => severity === 'error') ? failed : warning;
      return verdict(
        `${folder}: ${countOf(findings.length, 'finding')}`,
        ...findings.map(({ file, message, fix }) => `${file}: ${message}. ${fix}`),
      );
    },
  },
];
