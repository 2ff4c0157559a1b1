/** Colours of a plot. Those of series are told apart with the common kinds of colour blindness too. */
export interface Palette {
  readonly background: string;
  readonly ink: string;
  readonly muted: string;
  readonly grid: string;
  readonly right: string;
  readonly wrong: string;
  readonly series: readonly string[];
}

export const LIGHT: Palette = {
  background: '#ffffff',
  ink: '#1c2128',
  muted: '#59636e',
  grid: '#e4e7eb',
  right: '#1a7f4b',
  wrong: '#c0392b',
  series: ['#0b63b0', '#c4560a', '#1a7f4b', '#8548a8', '#b0326f', '#0c7785', '#7b5a1e', '#5c6670'],
};

export const DARK: Palette = {
  background: '#14181d',
  ink: '#e6e9ed',
  muted: '#9aa5b1',
  grid: '#2b323a',
  right: '#4cc38a',
  wrong: '#ff7b6b',
  series: ['#5fb0ff', '#ff9d4d', '#4cc38a', '#c89bf0', '#ff85ba', '#4fc4d4', '#d8b26a', '#a7b1bc'],
};

/** The style sheet of the plots' classes. */
export function plotStyle({ background, ink, muted, grid, right, wrong, series }: Palette): string {
  return [
    `.plot{font-family:system-ui,"Segoe UI","DejaVu Sans",sans-serif;font-size:11px;fill:${ink}}`,
    `.plot .background{fill:${background}}`,
    `.plot .title{font-size:14px;font-weight:600}`,
    `.plot .muted{fill:${muted}}`,
    `.plot .grid{stroke:${grid};fill:none}`,
    `.plot .axis{stroke:${muted};fill:none}`,
    `.plot .mark{stroke:${muted};stroke-dasharray:2 3;fill:none}`,
    `.plot .line{fill:none;stroke-width:2;stroke-linejoin:round;stroke-linecap:round}`,
    `.plot .dashed{stroke-dasharray:6 4}`,
    `.plot .right{fill:${right}}`,
    `.plot .wrong{fill:${wrong}}`,
    `.plot .gap{stroke:${wrong};stroke-width:3;stroke-opacity:.45}`,
    ...series.map((color, i) => `.plot .stroke-${i}{stroke:${color}}.plot .fill-${i}{fill:${color}}`),
  ].join('\n');
}

export const SERIES_COLORS = LIGHT.series.length;

/** The classes of the line of a series. Colours come again after the last. */
export function lineClass(color: number, dashed = false): string {
  return `line stroke-${color % SERIES_COLORS}${dashed ? ' dashed' : ''}`;
}
