import { RobleError } from '../base/errors.js';
import { describeGuests } from '../base/process/workers.js';
import { guestsOf } from './guard.js';
import { describeThrown } from './odd-values.js';
import type { PluginRegistry } from './registry.js';

/**
 * What plugins from outside that were let in may do to this process outside of any call, as in a timer: throw what nobody
 * catches, or end it. Either is told once, with the plugins that may be the cause.
 *
 * @param end told what happened; `isExit`: the process ends when it returns
 * @returns stops it
 */
export function watchStrays(
  registry: PluginRegistry,
  end: (error: RobleError, isExit: boolean) => void,
): () => void {
  const tell = (message: string, isExit: boolean, cause?: unknown) => {
    stop();
    end(
      new RobleError('ROBLE_INTERNAL', message + describeGuests(guestsOf(registry.entries)), { cause }),
      isExit,
    );
  };
  const onError = (thrown: unknown) =>
    tell(`An error that nobody caught ended the command: ${describeThrown(thrown)}.`, false, thrown);
  const onExit = (code: number) => {
    if (guestsOf(registry.entries).length > 0)
      tell(`The process was ended with exit code ${code} before the command was done.`, true);
  };
  const stop = () => {
    process.off('uncaughtException', onError);
    process.off('exit', onExit);
  };
  process.on('uncaughtException', onError);
  process.on('exit', onExit);
  return stop;
}
