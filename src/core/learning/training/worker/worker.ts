import { RobleError } from '../../../base/errors.js';
import type { FromWorker, ToWorker } from '../run/messages.js';
import { runTrainingLoop } from './loop.js';
import { openRun } from './open-run.js';
import type { TrainingRun } from './training-run.js';

/**
 * The training worker: owns the engine, the state, the checkpoints and the history. It hears the supervisor between
 * two steps. Signals of the terminal are the supervisor's; when the supervisor is gone, the worker saves and ends.
 */

/** Often enough for the shortest sensible `retry.heartbeatTimeoutSeconds`. */
const HEARTBEAT_MS = 500;

let stopAsked = false;
let run: TrainingRun | undefined;

for (const signal of ['SIGINT', 'SIGHUP', 'SIGUSR1'] as const) process.on(signal, () => {});
process.on('SIGTERM', askToStop);
process.on('disconnect', askToStop);
process.on('message', (message: ToWorker) => {
  if (message.type === 'stop') askToStop();
  else
    work(message).then(
      (outcome) => finish({ type: 'done', outcome }),
      (error) =>
        finish({ type: 'failed', error: RobleError.from(error).toJSON(), step: run?.progress.step ?? 0 }),
    );
});

function askToStop(): void {
  stopAsked = true;
}

function send(message: FromWorker): void {
  // With a callback: a supervisor that was killed is noticed by the disconnect, not by an exception.
  if (process.connected) process.send!(message, () => {});
}

/** Leaves when the message is on its way; open handles of native libraries must not keep the process. */
function finish(message: FromWorker): void {
  if (!process.connected) process.exit(0);
  process.send!(message, () => process.exit(0));
}

async function work(start: Extract<ToWorker, { type: 'start' }>) {
  const heartbeat = setInterval(() => send({ type: 'heartbeat' }), HEARTBEAT_MS);
  try {
    run = await openRun(start, {
      report: (event) => send({ type: 'event', event }),
      shouldStop: () => stopAsked,
    });
    return await runTrainingLoop(run);
  } finally {
    clearInterval(heartbeat);
    await run?.batches.close();
    await run?.checkpoints.close();
    await run?.session.close();
  }
}
