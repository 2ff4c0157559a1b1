import type { Random } from './random.js';

/**
 * A number from the symmetric Beta(alpha, alpha) distribution, in [0, 1]: X / (X + Y) of two Gamma(alpha) numbers. It
 * is computed from their logarithms, since with a small alpha both are often too small for a float.
 */
export function symmetricBeta(random: Random, alpha: number): number {
  const [x, y] = [logGamma(random, alpha), logGamma(random, alpha)];
  return 1 / (1 + Math.exp(y - x));
}

/**
 * The logarithm of a Gamma(shape, 1) number: Marsaglia and Tsang, "A simple method for generating gamma variables"
 * (2000). A shape below 1 is lifted by 1 and the result multiplied by U^(1 / shape), as in its section 6.
 */
function logGamma(random: Random, shape: number): number {
  if (shape < 1) return logGamma(random, shape + 1) + logUniform(random) / shape;
  const d = shape - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const x = random.normal();
    const v = (1 + c * x) ** 3;
    if (v > 0 && logUniform(random) < x * x * 0.5 + d - d * v + d * Math.log(v)) return Math.log(d * v);
  }
}

/** The logarithm of a number from (0, 1]. */
function logUniform(random: Random): number {
  return Math.log1p(-random.float());
}
