import type { Problem, RobleError } from '../../core/base/errors.js';
import { timesByCode } from '../../core/base/text/text.js';
import { type Paint, painter, type Terminal } from './style.js';

export interface ErrorTextOptions {
  /** Show causes and stack traces. */
  readonly verbose: boolean;
  readonly stream: Terminal;
  readonly env: NodeJS.ProcessEnv;
}

/** An error for people: what happened, received, expected, the problems, what to do next, the code. */
export function errorText(error: RobleError, { verbose, stream, env }: ErrorTextOptions): string {
  const paint = painter(stream, env);
  const { received, expected, problems = [], skippedByCode } = error.details;
  const lines = [
    `${paint('red', 'Error:')} ${error.message}`,
    ...(received === undefined ? [] : [`  received: ${show(received)}`]),
    ...(expected === undefined ? [] : [`  expected: ${expected}`]),
    ...problems.flatMap((problem) => problemLines(problem, paint)),
    ...(skippedByCode === undefined ? [] : [`  left out: ${timesByCode(skippedByCode)}`]),
    ...nextSteps(error).map((step) => `${paint('cyan', '->')} ${step}`),
    paint('dim', `code: ${error.code}`),
    ...(verbose ? [stackOf(error)] : []),
  ];
  return `${lines.join('\n')}\n`;
}

function problemLines({ path, message, suggestion }: Problem, paint: Paint): string[] {
  const where = path === '' ? '' : `${paint('bold', path)}: `;
  return [`  - ${where}${message}`, ...(suggestion === undefined ? [] : [`      ${suggestion}`])];
}

function nextSteps(error: RobleError): readonly string[] {
  if (error.kind !== 'bug') return error.details.nextSteps ?? [];
  return [
    ...(error.details.nextSteps ?? []),
    'This is a bug in roble. Please report it with the command, and with what it prints when --verbose is added.',
  ];
}

function show(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function stackOf(error: RobleError): string {
  // The stack of a wrapped error points at the wrapping; that of the cause points at the fault.
  const cause = error.cause instanceof Error ? error.cause : error;
  return cause.stack ?? String(cause);
}
