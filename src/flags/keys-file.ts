import { Flags } from '@oclif/core';
import { RobleError } from '../core/base/errors.js';

/** Where the API keys are, for the commands that look after them. */
export const keysFileFlag = Flags.string({
  helpValue: 'FILE',
  description: 'File of the API keys; by default serve.access.keysFile.',
});

/** @throws {RobleError} `ROBLE_USAGE` where neither the flag nor the configuration names a file */
export function keysFileOf(configured: string | undefined): string {
  if (configured !== undefined) return configured;
  throw new RobleError('ROBLE_USAGE', 'Nothing says in which file the API keys are.', {
    expected: '--keys FILE, or serve.access.keysFile in the configuration',
    nextSteps: ['Try --keys keys.json.'],
  });
}
