import { Box } from 'ink';
import { lineChart, sparkline } from '../terminal/charts.js';
import { formatMetric } from '../terminal/format.js';
import { Line, type PanelProps } from './panels.js';
import { type CurveName, sampleCurve, type TrainState } from './state.js';

/** The curves of the run, as finely as the rows allow. */
export function Curves(props: PanelProps) {
  return props.rows > SPARKLINES.length ? <Charts {...props} /> : <Sparklines {...props} />;
}

/** From top to bottom; rank 0 is the last to be left out. */
const SPARKLINES = [
  { name: 'loss', rank: 0, color: 'cyan' },
  { name: 'valLoss', rank: 2, color: 'yellow' },
  { name: 'accuracy', rank: 3, color: 'cyan' },
  { name: 'valAccuracy', rank: 1, color: 'yellow' },
] as const;

/** A row of bars for each metric. */
function Sparklines({ state: { curves }, columns, rows, paint }: PanelProps) {
  return SPARKLINES.filter(({ rank }) => rank < rows).map(({ name, color }) => {
    const label = `${name.padEnd(12)}${lastOf(curves, name).padEnd(9)} `;
    const bars = sparkline(sampleCurve(curves[name], columns - label.length), columns);
    const line = bars === '' ? label.trimEnd() : `${label}${paint(color, bars)}`;
    return <Line key={name}>{line}</Line>;
  });
}

/** Training and validation in one chart, since the distance between them is what matters. */
const CHARTS = [
  ['loss', 'valLoss'],
  ['accuracy', 'valAccuracy'],
] as const;

/** Narrower than this, the labels leave little to a chart. */
const MIN_CHART_COLUMNS = 50;
const GAP = 2;

/** Terminals with at least this many rows have room for charts. */
const ROWS_FOR_CHARTS = 30;

/** How many rows the curves need at least, to be read well, and at most. */
export function curveRows(columns: number, rows: number) {
  if (rows < ROWS_FOR_CHARTS || columns < MIN_CHART_COLUMNS)
    return { few: 1, enough: SPARKLINES.length, most: SPARKLINES.length };
  const stacked = areBeside(columns) ? 1 : CHARTS.length;
  return { few: 7 * stacked, enough: 8 * stacked, most: 20 * stacked };
}

function areBeside(columns: number): boolean {
  return columns >= CHARTS.length * MIN_CHART_COLUMNS;
}

/** Line charts: beside each other on a wide terminal, else one below the other. */
function Charts({ state: { curves }, columns, rows, color }: PanelProps) {
  const beside = areBeside(columns);
  const width = beside ? Math.floor((columns - GAP) / CHARTS.length) : columns;
  const height = beside ? rows : Math.floor(rows / CHARTS.length);
  return (
    <Box flexDirection={beside ? 'row' : 'column'} columnGap={GAP}>
      {CHARTS.map((names) => (
        <Box key={names[0]} flexDirection="column" width={width}>
          {chartLines(curves, names, { width, height, color }).map((line, i) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: a line of a chart is known by its place only.
            <Line key={i}>{line}</Line>
          ))}
        </Box>
      ))}
    </Box>
  );
}

function chartLines(
  curves: TrainState['curves'],
  names: readonly CurveName[],
  options: { readonly width: number; readonly height: number; readonly color: boolean },
): string[] {
  const series = names.map((name) => ({
    name: `${name} ${lastOf(curves, name)}`.trimEnd(),
    points: curves[name],
  }));
  return lineChart(series, options);
}

function lastOf(curves: TrainState['curves'], name: CurveName): string {
  const value = curves[name].at(-1)?.[1];
  return value === undefined ? '' : formatMetric(value);
}
