import type { Interfaces } from '@oclif/core';
import { RobleError } from '../../core/base/errors.js';
import { didYouMean } from '../../core/base/text.js';
import { tellFailure } from './tell-failure.js';

/** Reports a command that does not exist, on standard output with `--json`; returns the exit code. */
export function reportUnknownCommand(id: string, argv: readonly string[], config: Interfaces.Config): number {
  const known = config.commands.filter((command) => !command.hidden).map((command) => command.id);
  const error = new RobleError('ROBLE_USAGE', `There is no command "${id}".`, {
    nextSteps: [...didYouMean(id, known), `"${config.bin} --help" lists the commands.`],
  });
  tellFailure(error, { asJson: argv.includes('--json') });
  return error.exitCode;
}
