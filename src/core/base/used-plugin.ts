import { z } from 'zod';

/** A plugin from outside that has touched data or weights, as data sets, runs and bundles record it. */
export const usedPluginSchema = z.strictObject({
  kind: z.string(),
  name: z.string(),
  /** Its package. */
  package: z.string(),
  version: z.string(),
});
export type UsedPlugin = z.output<typeof usedPluginSchema>;
