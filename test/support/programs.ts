import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { describe } from 'vitest';

/** Whether a program is installed, as Debian does it. */
export function isInstalled(program: string): boolean {
  return [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/lib/postgresql/15/bin'].some(
    (folder) => {
      try {
        accessSync(join(folder, program), constants.X_OK);
        return true;
      } catch {
        return false;
      }
    },
  );
}

/** A suite that needs a program: it fails under CI where that is missing, and says that it was skipped elsewhere. */
export function describeWith(program: string, debianPackage: string): typeof describe.skip {
  return describeWhere(isInstalled(program), `${program} is missing (Debian: ${debianPackage})`);
}

/** The same for a suite that needs more than one program. */
export function describeWhere(isPossible: boolean, whyNot: string): typeof describe.skip {
  if (isPossible) return describe;
  if (process.env.CI) throw new Error(`${whyNot}: CI skips no suite.`);
  process.stderr.write(`Skipped: ${whyNot}.\n`);
  return describe.skip;
}
