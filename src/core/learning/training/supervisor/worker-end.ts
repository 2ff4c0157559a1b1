import { RobleError } from '../../../base/errors.js';
import { saysOutOfMemory } from '../../../base/out-of-memory.js';
import { describeGuests, type WorkerExit } from '../../../base/process/workers.js';
import type { EndCause } from '../../history/record.js';
import type { RunOutcome } from '../run/folder.js';

/** How the life of a training process ended. */
export type WorkerEnd =
  | { readonly type: 'done'; readonly outcome: RunOutcome }
  | { readonly type: 'failed'; readonly error: RobleError }
  | ({
      readonly type: 'died';
      /** Whether the kernel killed a process for its memory meanwhile; undefined where it does not tell. */
      readonly oomKill: boolean | undefined;
    } & WorkerExit);

export type UnfinishedEnd = Exclude<WorkerEnd, { type: 'done' }>;

/** Why the supervisor kills a training process. */
const KILLED_FOR = { heartbeat: 'it gave no sign of life', deadline: 'it did not stop in time' };

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
  if (end.killedFor === 'heartbeat') return 'heartbeat-lost';
  if (end.oomKill && end.signal === 'SIGKILL') return 'out-of-memory';
  if (end.signal !== 'SIGKILL' && saysOutOfMemory(end.lastWords)) return 'out-of-memory';
  if (CRASH_SIGNALS.includes(end.signal)) return 'native-crash';
  return end.signal ? 'killed' : 'exited';
}

/** Of a plugin that failed in the midst of it, another attempt shows whether it does so again. */
const isForUser = ({ kind, code }: RobleError) => kind === 'user' && code !== 'ROBLE_PLUGIN_INVALID';

/** Whether another process may fare better: not when the user has to change something first. */
export function isRecoverable(end: UnfinishedEnd): boolean {
  return end.type === 'died' || (!isForUser(end.error) && end.error.code !== 'ROBLE_DEVICE_UNAVAILABLE');
}

/** The end in one line. */
export function describeEnd(end: UnfinishedEnd): string {
  if (end.type === 'failed') return `${end.error.code}: ${end.error.message}`;
  const how = end.signal ? `signal ${end.signal}` : `exit code ${end.code}`;
  const why = end.killedFor && KILLED_FOR[end.killedFor as keyof typeof KILLED_FOR];
  const lines = end.lastWords.split('\n').filter(Boolean);
  const words = lines.find((line) => TELLING_WORDS.test(line)) ?? lines.at(-1);
  const guests = end.guests?.length ? `(plugins from outside in use: ${end.guests.join(', ')})` : undefined;
  return [[how, why, words].filter(Boolean).join(': '), guests].filter(Boolean).join(' ');
}

export function errorOf(end: UnfinishedEnd): RobleError {
  if (end.type === 'failed') return end.error;
  return new RobleError(
    'ROBLE_WORKER_DIED',
    `The training process ended before the training did.${describeGuests(end.guests)}`,
    {
      received: describeEnd(end),
      expected: 'an end with a result',
      nextSteps: [
        ...(causeOf(end) === 'out-of-memory'
          ? ['Use a smaller train.batchSize or train.microbatchSize.']
          : []),
        'Go on from the newest checkpoint with "roble train:resume".',
      ],
    },
  );
}
