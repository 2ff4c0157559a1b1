/** A metric over a run: points [step, value] in the order of their steps. */
export type Curve = readonly Point[];
export type Point = readonly [step: number, value: number];

/** No terminal shows more. */
const MAX_POINTS = 1000;

/** The curve with one more point. Points at later steps go: they are of an attempt that is made again. */
export function addPoint(curve: Curve, point: Point): Curve {
  const longer = [...untilStep(curve, point[0] - 1), point];
  return longer.length > MAX_POINTS ? longer.filter((_, i) => i % 2 === 0 || i === MAX_POINTS) : longer;
}

/** The part of a curve up to a step. */
export function untilStep(curve: Curve, step: number): Curve {
  return (curve.at(-1)?.[0] ?? 0) <= step ? curve : curve.filter(([at]) => at <= step);
}

/** The whole curve as `width` values at most, each the mean over an equal share of the steps. */
export function sampleCurve(curve: Curve, width: number): number[] {
  const points = curve.filter(([, value]) => Number.isFinite(value));
  if (width <= 0) return [];
  if (points.length <= width) return points.map(([, value]) => value);
  const first = points[0]![0];
  const stepsPerBin = (points.at(-1)![0] - first + 1) / width;
  const bins = Array.from({ length: width }, () => ({ sum: 0, count: 0 }));
  for (const [step, value] of points) {
    // Steps beyond 2^53 are rounded, and the last one may then fall behind the last bin.
    const bin = bins[Math.min(Math.floor((step - first) / stepsPerBin), width - 1)]!;
    bin.sum += value;
    bin.count++;
  }
  return bins.filter(({ count }) => count > 0).map(({ sum, count }) => sum / count);
}
