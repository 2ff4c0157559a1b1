import type { ProblemDetails } from '../../request/problem.js';

/** Where the paths of the protocol are. */
export const PREFIX = '/v2';

/** Whether a path is one of the protocol, or would be if there were such a one. */
export function isOfProtocol(path: string): boolean {
  return path === PREFIX || path.startsWith(`${PREFIX}/`);
}

/** The form of an error in this protocol, in one sentence for people and one code for programs. */
export function protocolError({ detail, received, expected, code }: ProblemDetails): object {
  const facts = [
    received === undefined ? [] : `received ${received}`,
    expected === undefined ? [] : `expected ${expected}`,
  ].flat();
  return { error: facts.length > 0 ? `${detail} (${facts.join('; ')})` : detail, code };
}
