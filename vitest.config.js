import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';
import { BaseSequencer } from 'vitest/node';
import { builtFiles } from './scripts/built-files.js';

const MEMORY = 'test/faults/memory.test.ts';
/** Apart, so that they can be run where there is Docker, and the others elsewhere. */
const CONTAINERS = 'test/containers/*.test.ts';

/** Those in containers take longest: the others run beside them, and not before. */
class ContainersFirst extends BaseSequencer {
  async sort(files) {
    const sorted = await super.sort(files);
    const isFirst = ({ project }) => project.name === 'containers';
    return [...sorted.filter(isFirst), ...sorted.filter((file) => !isFirst(file))];
  }
}

const common = {
  // For machines that others load: only what hangs takes as long.
  testTimeout: 180_000,
  hookTimeout: 180_000,
  expect: { poll: { timeout: 30_000, interval: 20 } },
  server: { deps: { external: [/[/]dist[/]/] } },
};

export default defineConfig({
  test: {
    sequence: { sequencer: ContainersFirst },
    // Two more than cores, for tests of processes and containers wait for those a part of their time.
    maxWorkers: Math.min(availableParallelism() + 2, 8),
    projects: [
      {
        plugins: [builtFiles()],
        // Tests of modules share their threads, and what those have loaded.
        test: {
          ...common,
          name: 'modules',
          include: ['src/**/*.test.{ts,tsx}'],
          pool: 'threads',
          isolate: false,
          sequence: { groupOrder: 0 },
        },
      },
      {
        plugins: [builtFiles()],
        // While the kernel kills for memory, a killed training process could be taken for one of those: not beside others.
        test: { ...common, name: 'memory', include: [MEMORY], pool: 'forks', sequence: { groupOrder: 0 } },
      },
      {
        plugins: [builtFiles()],
        test: {
          ...common,
          name: 'processes',
          include: ['test/**/*.test.ts'],
          exclude: [MEMORY, CONTAINERS],
          pool: 'forks',
          isolate: false,
          sequence: { groupOrder: 1 },
        },
      },
      {
        plugins: [builtFiles()],
        test: {
          ...common,
          name: 'containers',
          include: [CONTAINERS],
          pool: 'forks',
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
