import { z } from 'zod';

const pinnedSchema = z.strictObject({
  name: z.string().min(1).describe('Name of the package, or the path of its folder.'),
  version: z.string().min(1).optional().describe('The versions that may be used, such as "1.2.3" or "^1.2".'),
  integrity: z
    .string()
    .regex(/^sha256-[A-Za-z0-9+/]{43}=$/, 'expected "sha256-" and what "roble plugins --json" shows')
    .optional()
    .describe('Hash of the files of the package, as "roble plugins --json" shows it; others are refused.'),
});

/** A package of plugins that the project names. */
export type PluginRequest = z.output<typeof pinnedSchema>;

/** `off`: none from outside, those of the machine neither. */
export const pluginsSchema = z
  .union([z.literal('off'), z.array(z.union([z.string().min(1), pinnedSchema]))])
  .default([]);

/** What a project names, each as an object. */
export function pluginRequests(plugins: z.output<typeof pluginsSchema>): PluginRequest[] {
  return plugins === 'off' ? [] : plugins.map((each) => (typeof each === 'string' ? { name: each } : each));
}

/** Whether a project means a folder, and no package by its name. */
export const isPluginPath = (name: string): boolean => /^(\.{1,2}([/\\]|$)|[/\\]|[A-Za-z]:[/\\])/.test(name);
