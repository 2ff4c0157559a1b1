import type { Command } from '@oclif/core/command';
import * as Errors from '@oclif/core/errors';
import { RobleError } from '../../core/base/errors.js';
import { didYouMean } from '../../core/base/text.js';

/** Whether oclif refused the words of the command line (an unknown flag, a missing argument, a wrong value). */
export function isUsageError(error: unknown): error is Errors.CLIError {
  return error instanceof Errors.CLIError && !(error instanceof Errors.ExitError);
}

/** oclif's error as ours, with "did you mean" for unknown flags. */
export function fromUsageError(
  error: Errors.CLIError,
  command: Pick<typeof Command, 'flags' | 'baseFlags' | 'id'>,
): RobleError {
  const known = Object.keys({ ...command.baseFlags, ...command.flags, json: true, help: true }).map(
    (name) => `--${name}`,
  );
  const unknown = 'flags' in error && Array.isArray(error.flags) ? (error.flags as string[]) : [];
  const [message = error.message, ...rest] = error.message
    .split('\n')
    .filter((line) => !line.startsWith('See more help'));
  return new RobleError('ROBLE_USAGE', message, {
    ...(rest.length > 0 && { expected: rest.join('\n').trim() }),
    nextSteps: [
      ...unknown.flatMap((flag) => didYouMean(flag, known)),
      `See "roble ${command.id} --help" for the flags and arguments.`,
    ],
    cause: error,
  });
}
