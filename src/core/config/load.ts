import { type Config, configSchema } from './schema.js';

export type Overrides = Readonly<Record<string, { readonly value: unknown; readonly flag: string }>>;
export async function loadConfig(_options: { cwd: string; configFile?: string; env: NodeJS.ProcessEnv; home: string; overrides?: Overrides }): Promise<{ config: Config; origins: Record<string, unknown>; files: string[]; warnings: string[] }> {
  return { config: configSchema.parse({}), origins: {}, files: [], warnings: [] };
}
