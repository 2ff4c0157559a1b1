/** Node, operating system and memory. */
import { availableParallelism, cpus, release, totalmem, type } from 'node:os';
import { type Diagnosis, failed, ok, warning } from '../../base/diagnosis.js';
import { formatBytes } from '../../base/text/text.js';
import { oldestNode, robleVersion } from '../../base/version.js';
import { describeEnvironment } from '../gpu/facts.js';
import type { DoctorCheck } from './subject.js';

const GIB = 2 ** 30;
/** What training a small network and serving it take, with room for data. */
const COMFORTABLE_BYTES = GIB;
/** Node and a runtime of networks with a small model take about as much. */
const LEAST_BYTES = GIB / 4;
/** A server holds a file for each client, training a few dozen. */
const COMFORTABLE_FILES = 1024;

export const machineChecks: readonly DoctorCheck[] = [
  {
    id: 'node',
    title: 'Node',
    run: () => judgeNode(process.versions.node, oldestNode()),
  },
  {
    id: 'system',
    title: 'Operating system',
    async run({ facts }) {
      const { environment } = await facts();
      const where = describeEnvironment(environment);
      return ok(`${type()} ${release()}, ${process.arch}; ${where}; roble ${robleVersion()}`);
    },
  },
  {
    id: 'processor',
    title: 'Processor',
    run: () => ok(`${cpus()[0]?.model.trim() || 'unknown'}, ${availableParallelism()} threads`),
  },
  { id: 'memory', title: 'Memory', run: () => judgeMemory(measureMemory()) },
  {
    id: 'open-files',
    title: 'Open files',
    async run({ view }) {
      const limits = (await view.read('/proc/self/limits')) ?? '';
      const [, soft] = /^Max open files\s+(\d+)/m.exec(limits) ?? [];
      if (soft === undefined) return ok('no limit that could be read');
      if (Number(soft) >= COMFORTABLE_FILES) return ok(`up to ${soft}`);
      return warning(
        `at most ${soft}, which a server with many clients runs out of`,
        'Raise the limit: ulimit -n 65536.',
      );
    },
  },
];

/** Whether a version of Node is new enough; both as `20.19.0` or `20.19`. */
export function judgeNode(version: string, oldest: string): Diagnosis {
  const numbers = (text: string) => text.split('.').map(Number);
  const [major = 0, minor = 0] = numbers(version);
  const [oldestMajor = 0, oldestMinor = 0] = numbers(oldest);
  const isNewEnough = major > oldestMajor || (major === oldestMajor && minor >= oldestMinor);
  if (isNewEnough) return ok(`${version} (${oldest} or newer is needed)`);
  return failed(`${version} is too old`, `Install Node ${oldest} or newer: https://nodejs.org.`);
}

export interface MemoryFacts {
  /** Of the machine, or of the container where that has less. */
  readonly totalBytes: number;
  readonly availableBytes: number;
}

function measureMemory(): MemoryFacts {
  const limit = process.constrainedMemory();
  const totalBytes = limit > 0 && limit < totalmem() ? limit : totalmem();
  return { totalBytes, availableBytes: Math.min(process.availableMemory(), totalBytes) };
}

export function judgeMemory({ totalBytes, availableBytes }: MemoryFacts): Diagnosis {
  const text = `${formatBytes(availableBytes)} of ${formatBytes(totalBytes)} are free`;
  if (availableBytes >= COMFORTABLE_BYTES) return ok(text);
  const advice = ['End other programs, or give the container more memory.'];
  if (availableBytes < LEAST_BYTES) return failed(`${text}: too little for any model`, ...advice);
  return warning(
    `${text}: enough for small models`,
    ...advice,
    'Batches that do not fit are made in parts by themselves.',
  );
}
