/** How strongly two properties of samples go together. */
export interface Association {
  /** Cramér's V, corrected for its bias: 0 independent, 1 one tells the other. */
  readonly v: number;
  /** How many standard deviations chi-squared is above what independent properties give. */
  readonly z: number;
}

/**
 * The association of two properties from a table of counts: Cramér's V with the correction of W. Bergsma, "A
 * bias-correction for Cramér's V and Tschuprow's T" (2013). Uncorrected, V of independent properties is far from 0 in
 * tables of many cells and few samples. Rows and columns without counts do not matter.
 *
 * @param table rows of equal length
 */
export function associationOf(table: readonly (readonly number[])[]): Association {
  const rows = table.map(sum).filter((total) => total > 0);
  const columns = (table[0] ?? []).map((_, j) => sum(table.map((row) => row[j]!)));
  const [r, k] = [rows.length, columns.filter((total) => total > 0).length];
  const n = sum(rows);
  if (r < 2 || k < 2 || n < 2) return { v: 0, z: 0 };
  const chiSquared = chiSquaredOf(table, columns, n);
  const freedom = (r - 1) * (k - 1);
  const excess = Math.max(0, chiSquared / n - freedom / (n - 1));
  const corrected = (size: number) => size - (size - 1) ** 2 / (n - 1);
  const most = Math.min(corrected(r), corrected(k)) - 1;
  return { v: most > 0 ? Math.min(1, Math.sqrt(excess / most)) : 0, z: normalScore(chiSquared, freedom) };
}

function chiSquaredOf(table: readonly (readonly number[])[], columns: readonly number[], n: number): number {
  let chiSquared = 0;
  for (const row of table) {
    const total = sum(row);
    for (const [j, observed] of row.entries()) {
      const expected = (total * columns[j]!) / n;
      if (expected > 0) chiSquared += (observed - expected) ** 2 / expected;
    }
  }
  return chiSquared;
}

/** The cube root of chi-squared is close to normal (Wilson and Hilferty 1931). */
function normalScore(chiSquared: number, freedom: number): number {
  const spread = 2 / (9 * freedom);
  return (Math.cbrt(chiSquared / freedom) - (1 - spread)) / Math.sqrt(spread);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
