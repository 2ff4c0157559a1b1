import type { RobleError } from '../../core/base/errors.js';
import { hidePasswords } from '../../core/base/secret.js';
import { failureJson } from './envelope.js';
import { errorText } from '../terminal/error-text.js';
import { printData, standardStreams } from '../terminal/standard-streams.js';

export interface FailureForm {
  readonly asJson: boolean;
  readonly warnings?: readonly string[];
  /** Show causes and stack traces. */
  readonly verbose?: boolean;
  /** Hides secrets; by default the passwords of URLs. */
  readonly hide?: (text: string) => string;
}

/** Tells of the error that ends a command: programs on standard output, people on standard error; where one of the two fails, on the other. */
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
