import { z } from 'zod';

/** The value outside of the picture: 0 is paper for light ink on a dark ground. */
export const background = z.int().min(0).max(255).default(0).describe('Value of the paper, and outside.');

/** A share of the picture's side, or of anything else that is whole at 1. */
export const share = (most: number, byDefault: number, description: string) =>
  z.number().min(0).max(most).default(byDefault).describe(description);
