import { readFile } from 'node:fs/promises';

const WHOLE_SYSTEM = '/proc/vmstat';

/**
 * How many processes of this process's own control group the kernel has killed for lack of memory, theirs or the
 * machine's. Only where no such group counts, those of the whole system: a kill elsewhere would be taken for one here.
 *
 * @returns undefined where this system does not say
 */
export async function countOomKills(): Promise<number | undefined> {
  const groups = await readText('/proc/self/cgroup');
  const counts = await Promise.all(countersOf(groups).map(firstCount));
  const own = counts.filter((count) => count !== undefined);
  if (own.length === 0) return firstCount([WHOLE_SYSTEM]);
  return own.reduce((sum, count) => sum + count, 0);
}

/**
 * The files that may count the kills of a process's control groups, by hierarchy; the first that exists is the right one.
 * In a container the path of a group can be that of the host, where the group itself lies at the root.
 *
 * @param groups the content of `/proc/PID/cgroup`
 */
export function countersOf(groups: string): string[][] {
  return [...groups.matchAll(/^\d+:([^:]*):(.*)$/gm)].flatMap(([, controllers = '', path = '']) => {
    const own = path === '/' ? [''] : [path, ''];
    // Version 2 names no controllers.
    if (controllers === '') return [own.map((group) => `/sys/fs/cgroup${group}/memory.events`)];
    if (!controllers.split(',').includes('memory')) return [];
    return [own.map((group) => `/sys/fs/cgroup/memory${group}/memory.oom_control`)];
  });
}

async function firstCount(files: readonly string[]): Promise<number | undefined> {
  for (const file of files) {
    const found = /^oom_kill (\d+)$/m.exec(await readText(file))?.[1];
    if (found !== undefined) return Number(found);
  }
  return undefined;
}

/** Other systems and older kernels have no such files. */
function readText(file: string): Promise<string> {
  return readFile(file, 'utf8').catch(() => '');
}
