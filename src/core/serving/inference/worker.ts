/** The inference process: a crash of native code takes only this one with it. It ends when its parent is gone. */

import type { ToInferenceWorker } from './inference.js';
import { Inference } from './inference.js';

const inference = new Inference((message) => {
  if (process.connected) process.send!(message);
});

// A terminal sends its signals to the whole group; when to stop is for the server to say.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGUSR1'] as const) process.on(signal, () => {});
process.on('disconnect', () => process.exit(0));
process.on('message', (message: ToInferenceWorker) => inference.handle(message));
