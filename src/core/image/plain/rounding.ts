/** The nearest whole number; of two that are as near, the even one, as C's `rint`. */
export function roundHalfEven(value: number): number {
  const up = Math.floor(value + 0.5);
  return up - value === 0.5 && up % 2 !== 0 ? up - 1 : up;
}
