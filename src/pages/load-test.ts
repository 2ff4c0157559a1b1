import { linePlot } from './plot/line-plot.js';
import type { Panel } from './plot/panel.js';
import type { Knee } from '../core/operations/load-test/find-knee.js';
import type { LoadInterval } from '../core/operations/load-test/recorder.js';
import type { LoadTestResult } from '../core/operations/load-test/load-test.js';

/** The plots of a load test: latencies and requests over its time, and over the rates where several were tried. */
export function loadPanels({ measurement, knee }: LoadTestResult): Panel[] {
  const { intervals } = measurement;
  const over = (value: (interval: LoadInterval) => number | undefined) =>
    intervals.map((interval) => [interval.at, value(interval) ?? Number.NaN] as const);
  const perSecond = (key: 'sent' | 'accepted' | 'refused' | 'failed') =>
    over((interval) => interval[key] / interval.seconds);
  return [
    linePlot({
      title: 'Latency, milliseconds',
      xTitle: 'second in which the request was due',
      series: (['max', 'p99', 'p50'] as const).map((name) => ({
        name,
        points: over(({ latencyMs }) => latencyMs?.[name]),
      })),
    }),
    linePlot({
      title: 'Requests per second',
      xTitle: 'second in which the request was due',
      series: (['sent', 'accepted', 'refused', 'failed'] as const)
        .filter((name) => name === 'accepted' || intervals.some((interval) => interval[name] > 0))
        .map((name) => ({ name, points: perSecond(name), dashed: name === 'sent' })),
    }),
    ...(knee ? kneePanels(knee) : []),
  ].filter((panel) => panel !== undefined);
}

function kneePanels({ steps, limits, ratePerSecond }: Knee): (Panel | undefined)[] {
  const sorted = [...steps].sort((a, b) => a.ratePerSecond - b.ratePerSecond);
  const marks =
    ratePerSecond === null
      ? []
      : [{ x: ratePerSecond, label: `${ratePerSecond}/s`, meaning: 'The highest rate that was held' }];
  return [
    linePlot({
      title: 'p99 by rate, milliseconds',
      xTitle: 'requests per second',
      marks,
      series: [
        {
          name: 'p99',
          points: sorted.map((step) => [step.ratePerSecond, step.measurement.latencyMs?.p99 ?? Number.NaN]),
        },
        { name: 'limit', dashed: true, points: sorted.map((step) => [step.ratePerSecond, limits.p99Ms]) },
      ],
    }),
    linePlot({
      title: 'Accepted per second, by rate',
      xTitle: 'requests per second',
      marks,
      legend: false,
      series: [
        {
          name: 'accepted',
          points: sorted.map((step) => [step.ratePerSecond, step.measurement.requestsPerSecond]),
        },
      ],
    }),
  ];
}
