/** A worker process that is at work until it is to leave, and saves then. */
import { writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { answerCalls } from '../../../dist/core/base/process/answer-calls.js';

let wrapUp = () => {};

answerCalls(
  () => ({
    async work(file) {
      await new Promise((resolve) => {
        wrapUp = resolve;
      });
      await sleep(100);
      await writeFile(file, 'saved');
      return 'saved';
    },
    isAtWork: () => true,
  }),
  { wrapUp: () => wrapUp() },
);
