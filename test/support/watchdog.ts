import { Worker } from 'node:worker_threads';

/** Ends the process, whose own timers do not fire while it is in a loop, and keeps what it was at. */
const THREAD = `
const { cpSync, writeSync } = require('node:fs');
const { parentPort, workerData: { folder, kept, timeoutMs } } = require('node:worker_threads');
let timer;
parentPort.on('message', (isAtWork) => {
  clearTimeout(timer);
  if (isAtWork) timer = setTimeout(() => {
    cpSync(folder, kept, { recursive: true });
    writeSync(2, 'Nothing came of ' + kept + ' in ' + timeoutMs / 1000 + ' s.\\n');
    process.kill(process.pid, 'SIGKILL');
  }, timeoutMs);
});`;

/** Watches over work at the files of a folder: what takes too long ends the process, and its files are kept. */
export class Watchdog {
  readonly #thread: Worker;

  /** @param kept the folder to which the files are copied */
  constructor(folder: string, kept: string, timeoutMs: number) {
    this.#thread = new Worker(THREAD, { eval: true, workerData: { folder, kept, timeoutMs } });
  }

  async over<T>(work: () => Promise<T>): Promise<T> {
    this.#thread.postMessage(true);
    try {
      return await work();
    } finally {
      this.#thread.postMessage(false);
    }
  }

  async close(): Promise<void> {
    await this.#thread.terminate();
  }
}
