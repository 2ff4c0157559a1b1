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
 * A training run: what is trained, how far it is, from where it would go on, the curves, what happened, the epochs.
 * It takes fewer rows than the terminal has, and what matters less is left out of a small one.
 */
export function TrainView(props: TrainViewProps) {
  const { state, columns, rows, color, nowMs } = props;
  // The row below the last line is for the cursor: a view as high as the terminal would scroll it.
  const shares = shareRows(rows - 1, claimsOf(props));
  const shared = { state, columns, color, paint: painter({ isTTY: color }, {}), nowMs };
  return (
    <Box flexDirection="column" width={columns}>
      {(Object.keys(PANELS) as PanelName[]).map((name) => {
        const Panel = PANELS[name];
        const share = shares.get(name);
        return share !== undefined && <Panel key={name} {...shared} rows={share} />;
      })}
    </Box>
  );
}

/** Which panels want how many rows; the first ones are the last to go without. */
function claimsOf({ state, columns, rows, isLast = false }: TrainViewProps) {
  const { step, notes, epochs, stopping } = state;
  const claims: Claim<PanelName>[] = [];
  const claim = (panel: PanelName, wanted: number, least = 1) => claims.push({ panel, rows: wanted, least });
  claim('progress', 1);
  if (stopping !== undefined || columns < MIN_PANEL_COLUMNS) claim('heading', 1);
  if (columns < MIN_PANEL_COLUMNS) return claims;
  const curves = curveRows(columns, rows);
  claim('curves', curves.few, curves.few);
  claim('safe', 1);
  claim('heading', 1);
  claim('curves', curves.enough);
  claim('notes', Math.min(1, notes.length));
  if (step) claim('vitals', 1);
  // The title of the table is of no use without a row.
  claim('epochs', 1 + Math.min(1, epochs.length), 2);
  if (!isLast) claim('hint', 1);
  claim('notes', Math.min(MAX_NOTES, notes.length));
  claim('epochs', 1 + Math.min(MAX_EPOCHS, epochs.length), 2);
  claim('curves', curves.most);
  claim('epochs', 1 + epochs.length, 2);
  return claims;
}

/** The wish of a panel to have so many rows in all. */
export interface Claim<Panel extends string> {
  readonly panel: Panel;
  readonly rows: number;
  /** With fewer rows than these in all, the panel would rather have none of this claim; 1 by default. */
  readonly least?: number;
}

/** How many rows each panel gets when the claims are met in their order, as far as the rows go. */
export function shareRows<Panel extends string>(
  rows: number,
  claims: readonly Claim<Panel>[],
): ReadonlyMap<Panel, number> {
  const shares = new Map<Panel, number>();
  let left = rows;
  for (const { panel, rows: wanted, least = 1 } of claims) {
    const has = shares.get(panel) ?? 0;
    const grant = Math.min(wanted - has, left);
    if (grant <= 0 || has + grant < least) continue;
    shares.set(panel, has + grant);
    left -= grant;
  }
  return shares;
}
