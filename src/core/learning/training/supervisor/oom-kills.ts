import { readFile } from 'node:fs/promises';

/** Where the kernel counts the processes that it killed for memory: the control group's files, and the whole system's. */
const COUNTERS = [
  '/sys/fs/cgroup/memory.events',
  '/sys/fs/cgroup/memory/memory.oom_control',
  '/proc/vmstat',
] as const;

/** Kills for lack of memory so far; undefined where this system does not tell. */
export async function countOomKills(): Promise<number | undefined> {
  const counts = (await Promise.all(COUNTERS.map(readCounter))).filter((count) => count !== undefined);
  return counts.length === 0 ? undefined : counts.reduce((sum, count) => sum + count, 0);
}

async function readCounter(path: string): Promise<number | undefined> {
  // Other systems and older kernels have no such file.
  const text = await readFile(path, 'utf8').catch(() => '');
  const found = /^oom_kill (\d+)$/m.exec(text)?.[1];
  return found === undefined ? undefined : Number(found);
}
