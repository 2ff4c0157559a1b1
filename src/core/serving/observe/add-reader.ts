import type { Registry } from 'prom-client';

export interface Reading<Label extends string = string> {
  readonly labels: Readonly<Partial<Record<Label, string>>>;
  readonly value: number;
}

/**
 * Adds a metric that is read when Prometheus asks. A read that gives a number is of a metric without labels; one that
 * gives nothing leaves the metric out.
 */
export function addReader<Label extends string>(
  client: typeof import('prom-client'),
  registry: Registry,
  kind: 'gauge' | 'counter',
  name: string,
  help: string,
  read: () => number | undefined | readonly Reading<Label>[] | Promise<number | undefined>,
  labelNames: readonly Label[] = [],
): void {
  const options = { name, help, labelNames: [...labelNames], registers: [registry] };
  const collect = async (metric: { remove(): void; reset(): void }, add: (reading: Reading) => void) => {
    const found = await read();
    metric.reset();
    if (found === undefined) metric.remove();
    else if (typeof found === 'number') add({ labels: {}, value: found });
    else for (const reading of found) add(reading);
  };
  if (kind === 'gauge')
    new client.Gauge<string>({
      ...options,
      async collect() {
        await collect(this, ({ labels, value }) => this.set(labels, value));
      },
    });
  else
    new client.Counter<string>({
      ...options,
      async collect() {
        await collect(this, ({ labels, value }) => this.inc(labels, value));
      },
    });
}
