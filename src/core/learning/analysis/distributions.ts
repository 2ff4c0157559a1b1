/**
 * The distribution of Student's t, by the regularised incomplete beta function (Abramowitz and Stegun 1964, 26.7.1;
 * NIST DLMF 8.17).
 */

/** The probability that a t of `degreesOfFreedom` is at least as far from 0 as `t`, on either side. */
export function studentTwoSided(t: number, degreesOfFreedom: number): number {
  return incompleteBeta(degreesOfFreedom / (degreesOfFreedom + t * t), degreesOfFreedom / 2, 0.5);
}

/**
 * The t that is exceeded, on either side, with a probability: `studentQuantile(0.05, 4)` is 2.776, the factor of a 95 %
 * confidence interval of five values.
 */
export function studentQuantile(probability: number, degreesOfFreedom: number): number {
  let [low, high] = [0, 1];
  while (studentTwoSided(high, degreesOfFreedom) > probability) high *= 2;
  // Halving an interval of doubles more often than their 53 bits changes nothing.
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2;
    if (studentTwoSided(middle, degreesOfFreedom) > probability) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** I_x(a, b), the share of the beta function's integral up to x. */
export function incompleteBeta(x: number, a: number, b: number): number {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  // The fraction converges fast below the mean of the distribution; above it, its mirror image does.
  if (x > (a + 1) / (a + b + 2)) return 1 - incompleteBeta(1 - x, b, a);
  const logFactor =
    logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log1p(-x) - Math.log(a);
  return Math.exp(logFactor) / betaFraction(x, a, b);
}

const MAX_TERMS = 1000;
const PRECISION = 1e-15;
const ALMOST_ZERO = 1e-300;

/** The continued fraction 1 + d1/(1 + d2/(1 + ...)) of DLMF 8.17.22, by the method of Lentz (1976). */
function betaFraction(x: number, a: number, b: number): number {
  let [value, numerator, denominator] = [1, 1, 0];
  for (let term = 1; term <= MAX_TERMS; term++) {
    const coefficient = betaCoefficient(term, x, a, b);
    denominator = 1 / notZero(1 + coefficient * denominator);
    numerator = notZero(1 + coefficient / numerator);
    value *= numerator * denominator;
    if (Math.abs(numerator * denominator - 1) < PRECISION) break;
  }
  return value;
}

function betaCoefficient(term: number, x: number, a: number, b: number): number {
  const m = Math.floor(term / 2);
  return term % 2 === 0
    ? (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m))
    : (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
}

function notZero(value: number): number {
  return Math.abs(value) < ALMOST_ZERO ? ALMOST_ZERO : value;
}

/** The coefficients of Stirling's series, B(2k) / (2k (2k - 1)); DLMF 5.11.1. */
const STIRLING = [1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360];

/** The logarithm of the gamma function of a positive number. */
function logGamma(x: number): number {
  // The series needs a large argument: Γ(x) = Γ(x + 1) / x.
  if (x < 12) return logGamma(x + 1) - Math.log(x);
  const correction = STIRLING.reduce((sum, coefficient, k) => sum + coefficient / x ** (2 * k + 1), 0);
  return (x - 0.5) * Math.log(x) - x + 0.5 * Math.log(2 * Math.PI) + correction;
}
