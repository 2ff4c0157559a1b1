import { access } from 'node:fs/promises';
import { RobleError } from '../errors.js';

/** Whether reading failed because there is nothing at the path, and not for another reason, such as rights. */
export function isAbsent(error: unknown): boolean {
  return ['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '');
}

/**
 * Whether there is something at a path.
 *
 * @throws {RobleError} `ROBLE_FILE_UNREADABLE` where that cannot be known, such as in a folder of another user
 */
export function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    (error) => {
      if (isAbsent(error)) return false;
      throw RobleError.from(error);
    },
  );
}

/** For a `catch`: undefined where there is nothing at the path; any other failure is thrown. */
export function absentAsUndefined(error: unknown): undefined {
  if (!isAbsent(error)) throw RobleError.from(error);
}
