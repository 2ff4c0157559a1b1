import type { RobleError } from '../../core/base/errors.js';

/** Raised when the form of the JSON output changes in a way that can break a script. */
const SCHEMA_VERSION = 1;

/** What a command prints on standard output with `--json` when it worked. */
export function successJson(result: unknown, warnings: readonly string[]): string {
  return print({ schemaVersion: SCHEMA_VERSION, ok: true, result: result ?? null, warnings });
}

/** What a command prints on standard output with `--json` when it failed. */
export function failureJson(error: RobleError, warnings: readonly string[]): string {
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
