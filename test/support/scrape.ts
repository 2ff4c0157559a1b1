import type { RobleServer } from '../../src/index.js';

/** What a server tells Prometheus. */
export interface Metrics {
  readonly text: string;
  /** The values of a metric by its labels, as they are written. */
  of(name: string): Record<string, number>;
}

/** Reads the metrics of a server that has an administration. */
export async function scrape(server: RobleServer): Promise<Metrics> {
  return readMetrics(await (await fetch(`${server.adminUrl}/metrics`)).text());
}

function readMetrics(text: string): Metrics {
  return {
    text,
    of(name) {
      const lines = text.matchAll(/^(\w+)(?:\{(.*)\})? (\S+)$/gm);
      const found = [...lines].filter(([, metric]) => metric === name);
      return Object.fromEntries(found.map(([, , labels = '', value]) => [labels, Number(value)]));
    },
  };
}
