import type { Interfaces } from '@oclif/core';
import type { Command } from '@oclif/core/command';
import * as Errors from '@oclif/core/errors';
import { RobleError } from '../../core/base/errors.js';
import { hidePasswords } from '../../core/base/secret.js';
import { didYouMean } from '../../core/base/text/text.js';
import { errorText } from '../terminal/error-text.js';
import { printData, standardStreams } from '../terminal/standard-streams.js';

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

/** Raised when the form of the JSON output changes in a way that can break a script. */
const SCHEMA_VERSION = 1;

/** What a command prints on standard output with `--json` when it worked. */
export function successJson(result: unknown, warnings: readonly string[]): string {
  return print({ schemaVersion: SCHEMA_VERSION, ok: true, result: result ?? null, warnings });
}

/** What a command prints on standard output with `--json` when it failed. */
function failureJson(error: RobleError, warnings: readonly string[]): string {
  const { kind, exitCode } = error;
  return print({
    schemaVersion: SCHEMA_VERSION,
    ok: false,
    error: { ...error.toJSON(), kind, exitCode },
    warnings,
  });
}

function print(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

export interface FailureForm {
  readonly asJson: boolean;
  readonly warnings?: readonly string[];
  /** Show causes and stack traces. */
  readonly verbose?: boolean;
  /** Hides secrets; by default the passwords of URLs. */
  readonly hide?: (text: string) => string;
}

/** Reports the error that ends a command: to programs on standard output, to people on standard error; where one of the two fails, on the other. */
export function tellFailure(
  error: RobleError,
  { asJson, warnings = [], verbose = false, hide = hidePasswords }: FailureForm,
): void {
  const streams = standardStreams();
  if (asJson) {
    printData(hide(failureJson(error, warnings)));
    if (!streams.output.fault) return;
  }
  const tellOn = (stream: NodeJS.WriteStream) =>
    stream.write(hide(errorText(error, { verbose, stream, env: process.env })));
  tellOn(process.stderr);
  if (streams.error.fault && streams.output.isForPeople) tellOn(process.stdout);
}

/** Reports a command that does not exist, on standard output with `--json`; returns the exit code. */
export function reportUnknownCommand(id: string, argv: readonly string[], config: Interfaces.Config): number {
  const known = config.commands.filter((command) => !command.hidden).map((command) => command.id);
  const error = new RobleError('ROBLE_USAGE', `There is no command "${id}".`, {
    nextSteps: [...didYouMean(id, known), `"${config.bin} --help" lists the commands.`],
  });
  tellFailure(error, { asJson: argv.includes('--json') });
  return error.exitCode;
}
