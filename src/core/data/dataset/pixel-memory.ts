import { RobleError } from '../../base/errors.js';

/** Of the memory that is available: training needs more of it than its data do. */
const SHARE = 0.25;
/** What every machine has room for. */
const LEAST_BYTES = 2 ** 26;
const VARIABLE = 'ROBLE_DATA_MEMORY_MB';

/**
 * The most bytes that the pictures of a split may take in memory; those of larger splits are read as they are needed. It is
 * a quarter of the memory that is available, to the process's own control group where that has a limit, and 64 MiB at least;
 * or what the variable `ROBLE_DATA_MEMORY_MB` says, in units of 2^20 bytes.
 *
 * @throws {RobleError} `ROBLE_CONFIG_INVALID` for a variable that is no such number
 */
export function pixelMemory(env: NodeJS.ProcessEnv = process.env): number {
  const text = env[VARIABLE]?.trim();
  if (!text) return Math.max(LEAST_BYTES, SHARE * process.availableMemory());
  const megabytes = Number(text);
  if (megabytes >= 0) return megabytes * 2 ** 20;
  throw new RobleError('ROBLE_CONFIG_INVALID', `${VARIABLE} is not a number of megabytes.`, {
    received: text,
    expected: 'a number from 0, such as 512',
  });
}
