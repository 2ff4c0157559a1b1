import { Box } from 'ink';
import { painter } from '../terminal/style.js';
import { Curves, curveRows } from './curves.js';
import { Epochs, Heading, Hint, Notes, Progress, Safe, Vitals } from './panels.js';
import type { TrainState } from './state.js';

export interface TrainViewProps {
  readonly state: TrainState;
  readonly columns: number;
  readonly rows: number;
  readonly color: boolean;
  /** The time, in the clock of the state. */
  readonly nowMs: number;
  /** The last frame, which stays on the screen when nothing can be stopped any more. */
  readonly isLast?: boolean;
}

/** From top to bottom. */
const PANELS = {
  heading: Heading,
  progress: Progress,
  vitals: Vitals,
  safe: Safe,
  curves: Curves,
  notes: Notes,
  epochs: Epochs,
  hint: Hint,
} as const;
type PanelName = keyof typeof PANELS;

/** Narrower than this, only the first lines say something. */
const MIN_PANEL_COLUMNS = 20;
const MAX_NOTES = 4;
const MAX_EPOCHS = 8;

/**
 * A training run: what is trained, its progress, its last checkpoint, the curves, the incidents, the epochs. It takes
 * fewer rows than the terminal has; a small one shows only what matters most.
 */
export function TrainView(props: TrainViewProps) {
  const { state, columns, rows, color, nowMs } = props;
  // The row below the last line is for the cursor: a view as high as the terminal would scroll it.
  const rowsOf = divideRows(rows - 1, rowRequests(props));
  const shared = { state, columns, color, paint: painter({ isTTY: color }, {}), nowMs };
  return (
    <Box flexDirection="column" width={columns}>
      {(Object.keys(PANELS) as PanelName[]).map((name) => {
        const Panel = PANELS[name];
        const panelRows = rowsOf.get(name);
        return panelRows !== undefined && <Panel key={name} {...shared} rows={panelRows} />;
      })}
    </Box>
  );
}

/** How many rows each panel asks for, the most important first. */
function rowRequests({ state, columns, rows, isLast = false }: TrainViewProps) {
  const { step, notes, epochs, stopping } = state;
  const requests: RowRequest<PanelName>[] = [];
  const request = (panel: PanelName, wanted: number, least = 1) =>
    requests.push({ panel, rows: wanted, least });
  request('progress', 1);
  if (stopping !== undefined || columns < MIN_PANEL_COLUMNS) request('heading', 1);
  if (columns < MIN_PANEL_COLUMNS) return requests;
  const curves = curveRows(columns, rows);
  request('curves', curves.few, curves.few);
  request('safe', 1);
  request('heading', 1);
  request('curves', curves.enough);
  request('notes', Math.min(1, notes.length));
  if (step) request('vitals', 1);
  // The title of the table is of no use without a row.
  request('epochs', 1 + Math.min(1, epochs.length), 2);
  if (!isLast) request('hint', 1);
  request('notes', Math.min(MAX_NOTES, notes.length));
  request('epochs', 1 + Math.min(MAX_EPOCHS, epochs.length), 2);
  request('curves', curves.most);
  request('epochs', 1 + epochs.length, 2);
  return requests;
}

/** How many rows a panel asks for, with those of its earlier requests. */
export interface RowRequest<Panel extends string> {
  readonly panel: Panel;
  readonly rows: number;
  /** The request is of no use to the panel unless it then has this many rows; 1 by default. */
  readonly least?: number;
}

/** How many rows each panel gets when the requests are met in their order, as far as the rows go. */
export function divideRows<Panel extends string>(
  rows: number,
  requests: readonly RowRequest<Panel>[],
): ReadonlyMap<Panel, number> {
  const rowsOf = new Map<Panel, number>();
  let left = rows;
  for (const { panel, rows: wanted, least = 1 } of requests) {
    const has = rowsOf.get(panel) ?? 0;
    const grant = Math.min(wanted - has, left);
    if (grant <= 0 || has + grant < least) continue;
    rowsOf.set(panel, has + grant);
    left -= grant;
  }
  return rowsOf;
}
