/** The parent of an idle process and of one that is at work: tells their ids, and waits to be killed. */
import { startChild } from '../../../dist/core/base/process/workers.js';

const idle = startChild(new URL('./odd.js', import.meta.url), {}, { name: 'An idle child' });
const saving = startChild(new URL('./saving.js', import.meta.url), undefined, { name: 'A child at work' });
await idle.started;
void saving.call('work', process.argv[2]);
await saving.call('isAtWork', undefined);
process.stdout.write(`${JSON.stringify([idle.processId, saving.processId])}\n`);
