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
