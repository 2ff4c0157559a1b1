import type { KpiName } from './settings.js';

/** What was measured of an indicator and where, or why it was not. */
export type Measured =
  | {
      readonly value: number;
      readonly source: string;
      /** The true value is above this one; how far is not known. */
      readonly isLowerBound?: boolean;
    }
  | { readonly missing: string };

/** What was measured, by indicator. */
export type Measurements = { readonly [Name in KpiName]?: Measured };

export type KpiStatus = 'met' | 'missed' | 'not-measured';

/** One indicator beside its target. */
export interface KpiResult {
  readonly name: KpiName;
  readonly target: number;
  /** Null where it was not measured. */
  readonly measured: number | null;
  readonly status: KpiStatus;
  /** Where the value is from, or why there is none. */
  readonly source: string;
}

/** Whether more of it is better (`least`) or less of it (`most`). */
export const KPI_TARGETS: Readonly<Record<KpiName, 'least' | 'most'>> = {
  accuracy: 'least',
  latencyP99Ms: 'most',
  availability: 'least',
  secondsPerEpoch: 'most',
};

/** Holds a measurement against its target; what reaches the target exactly meets it. */
export function judgeKpi(name: KpiName, target: number, measured: Measured): KpiResult {
  if ('missing' in measured)
    return { name, target, measured: null, status: 'not-measured', source: measured.missing };
  const { value, source, isLowerBound = false } = measured;
  if (isLowerBound) {
    // Below a target, a bound from below says nothing.
    const status = value >= target ? 'missed' : 'not-measured';
    return { name, target, measured: value, status, source: `${source}; the true value is above` };
  }
  const met = KPI_TARGETS[name] === 'least' ? value >= target : value <= target;
  return { name, target, measured: value, status: met ? 'met' : 'missed', source };
}
