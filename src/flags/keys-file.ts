import * as Flags from '@oclif/core/flags';
import { RobleError } from '../core/base/errors.js';

/** Where the API keys are, for the commands that manage them. */
export const keysFileFlag = Flags.string({
  helpValue: 'FILE',
  description: 'File of the API keys; by default serve.access.keysFile.',
});

/**
 * The file of the API keys.
 *
 * @param access the settings `serve.access`
 * @throws {RobleError} `ROBLE_USAGE` where neither the flag nor the configuration names a file
 */
export function keysFileOf({ keysFile }: { readonly keysFile?: string | undefined }): string {
  if (keysFile !== undefined) return keysFile;
  throw new RobleError('ROBLE_USAGE', 'No file is named for the API keys.', {
    expected: '--keys FILE, or serve.access.keysFile in the configuration',
    nextSteps: ['Try --keys keys.json.'],
  });
}
