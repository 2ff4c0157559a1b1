import type { RobleError } from '../core/errors.js';
import { failureJson } from './envelope.js';
import { errorText } from './error-text.js';
import { printData, standardStreams } from './standard-streams.js';

export interface FailureForm {
  readonly asJson: boolean;
  readonly warnings?: readonly string[];
  /** Show causes and stack traces. */
  readonly verbose?: boolean;
}

/** Tells of the error that ends a command: programs on standard output, people on standard error; where one of the two fails, on the other. */
export function tellFailure(
  error: RobleError,
  { asJson, warnings = [], verbose = false }: FailureForm,
): void {
  const streams = standardStreams();
  if (asJson) {
    printData(failureJson(error, warnings));
    if (!streams.output.fault) return;
  }
  const tellOn = (stream: NodeJS.WriteStream) =>
    stream.write(errorText(error, { verbose, stream, env: process.env }));
  tellOn(process.stderr);
  if (streams.error.fault && streams.output.isForPeople) tellOn(process.stdout);
}
