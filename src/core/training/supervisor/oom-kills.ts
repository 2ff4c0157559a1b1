import { readFile } from 'node:fs/promises';

/** Where the kernel counts the processes that it killed for memory: the control group's files, and the whole system's. */
const COUNTERS = [
  '/sys/fs/cgroup/memory.events',
  '/sys/fs/cgroup/memory/memory.oom_control',
  '/proc/vmstat',
] as const;

/** Kills for lack of memory so far, as far as this system tells; 0 where it does not. */
export async function countOomKills(): Promise<number> {
  const counts = await Promise.all(COUNTERS.map(readCounter));
  return counts.reduce((sum, count) => sum + count, 0);
}

async function readCounter(path: string): Promise<number> {
  // Other systems and older kernels have no such file.
  const text = await readFile(path, 'utf8').catch(() => '');
  return Number(/^oom_kill (\d+)$/m.exec(text)?.[1] ?? 0);
}
