import { homedir } from 'node:os';

/**
 * The user's home folder, as `HOME` or the system's table of users says it. A container may run roble as a number that no
 * table knows, with no environment: its home is the root folder then, as Docker has it. A file of its own: `bin/run.js` needs it before all else, and nothing besides.
 */
export function homeFolder(): string {
  try {
    return homedir() || '/';
  } catch {
    return '/';
  }
}
