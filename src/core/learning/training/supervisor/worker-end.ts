import { RobleError } from '../../../base/errors.js';
import { saysOutOfMemory } from '../../../base/out-of-memory.js';
import type { EndCause } from '../../history/record.js';
import type { RunOutcome } from '../run/folder.js';

/** How the life of a training process ended. */
export type WorkerEnd =
  | { readonly type: 'done'; readonly outcome: RunOutcome }
  | { readonly type: 'failed'; readonly error: RobleError }
  | {
      readonly type: 'died';
      readonly code: number | null;
      readonly signal: NodeJS.Signals | null;
      /** The end of what it wrote on standard error. */
      readonly lastWords: string;
      /** Why the supervisor ended it, if it did. */
      readonly endedFor?: 'heartbeat' | 'deadline';
      /** Whether the kernel killed a process for its memory meanwhile; undefined where it does not tell. */
      readonly oomKill: boolean | undefined;
    };

export type UnfinishedEnd = Exclude<WorkerEnd, { type: 'done' }>;

/** A line that says more than those of a stack trace. */
const TELLING_WORDS = /error|what\(\)|terminate|fatal/i;

const CRASH_SIGNALS: readonly (NodeJS.Signals | null)[] = [
  'SIGABRT',
  'SIGSEGV',
  'SIGBUS',
  'SIGILL',
  'SIGFPE',
];

export function causeOf(end: UnfinishedEnd): EndCause {
  if (end.type === 'failed') return end.error.code === 'ROBLE_OUT_OF_MEMORY' ? 'out-of-memory' : 'error';
  if (end.endedFor === 'heartbeat') return 'heartbeat-lost';
  if (end.oomKill && end.signal === 'SIGKILL') return 'out-of-memory';
  if (end.signal !== 'SIGKILL' && saysOutOfMemory(end.lastWords)) return 'out-of-memory';
  if (CRASH_SIGNALS.includes(end.signal)) return 'native-crash';
  return end.signal ? 'killed' : 'exited';
}

/** Whether another process may fare better: not when the user has to change something first. */
export function isRecoverable(end: UnfinishedEnd): boolean {
  return end.type === 'died' || (end.error.kind !== 'user' && end.error.code !== 'ROBLE_DEVICE_UNAVAILABLE');
}

/** The end in one line. */
export function describeEnd(end: UnfinishedEnd): string {
  if (end.type === 'failed') return `${end.error.code}: ${end.error.message}`;
  const how = end.signal ? `signal ${end.signal}` : `exit code ${end.code}`;
  const why = { heartbeat: 'it gave no sign of life', deadline: 'it did not stop in time' };
  const lines = end.lastWords.split('\n').filter(Boolean);
  const words = lines.find((line) => TELLING_WORDS.test(line)) ?? lines.at(-1);
  return [how, end.endedFor && why[end.endedFor], words].filter(Boolean).join(': ');
}

export function errorOf(end: UnfinishedEnd): RobleError {
  if (end.type === 'failed') return end.error;
  return new RobleError('ROBLE_WORKER_DIED', 'The training process ended before the training did.', {
    received: describeEnd(end),
    expected: 'an end with a result',
    nextSteps: [
      ...(causeOf(end) === 'out-of-memory' ? ['Use a smaller train.batchSize or train.microbatchSize.'] : []),
      'Go on from the newest checkpoint with "roble train:resume".',
    ],
  });
}
