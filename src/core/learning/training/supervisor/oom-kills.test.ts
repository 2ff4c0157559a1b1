import { describe, expect, it } from 'vitest';
import { countersOf } from './oom-kills.js';

describe('the counters of kills for lack of memory', () => {
  it('are those of the own group, before those at the root that a container sees', () => {
    expect(countersOf('0::/user.slice/session-3.scope\n')).toEqual([
      ['/sys/fs/cgroup/user.slice/session-3.scope/memory.events', '/sys/fs/cgroup/memory.events'],
    ]);
    expect(countersOf('9:name=systemd:/\n4:cpu,memory:/docker/1f\n1:cpu:/x\n0::/\n')).toEqual([
      ['/sys/fs/cgroup/memory/docker/1f/memory.oom_control', '/sys/fs/cgroup/memory/memory.oom_control'],
      ['/sys/fs/cgroup/memory.events'],
    ]);
    expect(countersOf('')).toEqual([]);
  });
});
