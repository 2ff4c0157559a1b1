import { join } from 'node:path';
import { type CreateServerOptions, createServer, type RobleServer } from '../../src/index.js';
import { temporaryFolder } from './temporary-folder.js';
import { tinyBundle } from './tiny-bundle.js';

/** What a test sets of the options; the rest has its defaults. */
type SomeOptions = { readonly [Name in keyof CreateServerOptions]?: Partial<CreateServerOptions[Name]> };

export interface QuarterServer {
  readonly server: RobleServer;
  /** Ends it, and removes its folder. */
  close(): Promise<void>;
}

/**
 * A server of the tiny model, in the process of the test.
 *
 * @param name of its folder
 * @param optionsIn by that folder
 */
export async function startQuarterServer(
  name: string,
  optionsIn: (folder: string) => SomeOptions,
): Promise<QuarterServer> {
  const { path, remove } = await temporaryFolder(name);
  const model = await tinyBundle(join(path, 'model'));
  const options = { model, port: 0, workers: 0, ...optionsIn(path) } as CreateServerOptions;
  const server = await createServer(options);
  return {
    server,
    async close() {
      await server.close();
      await remove();
    },
  };
}
