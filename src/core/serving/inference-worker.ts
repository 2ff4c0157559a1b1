/** The inference process: a crash of native code takes only this one with it. It ends when its parent is gone. */
import { Inference } from './inference.js';
import type { ToInferenceWorker } from './inference-messages.js';

const inference = new Inference((message) => {
  if (process.connected) process.send!(message);
});

// A terminal sends Ctrl-C to the whole group; when to stop is for the server to say.
process.on('SIGINT', () => {});
process.on('SIGTERM', () => {});
process.on('disconnect', () => process.exit(0));
process.on('message', (message: ToInferenceWorker) => inference.handle(message));
