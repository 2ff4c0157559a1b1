import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { describe } from 'vitest';

/** Whether a program is installed, as Debian does it. */
function isInstalled(program: string): boolean {
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
  if (isInstalled(program)) return describe;
  if (process.env.CI)
    throw new Error(`${program} is missing; install Debian's ${debianPackage}: CI skips no suite.`);
  process.stderr.write(`Skipped, because ${program} is missing (Debian: ${debianPackage}).\n`);
  return describe.skip;
}
