import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeWithContainers, type Engine, startEngine } from '../support/containers/engine.js';
import { shellIn } from '../support/containers/shell.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { tinyBundle } from '../support/tiny-bundle.js';

/** Where the Dockerfile and all that it copies lie, also for tests of the installed package. */
const REPOSITORY = process.env.ROBLE_REPOSITORY ?? fileURLToPath(new URL('../..', import.meta.url));
const BUILD_MS = 480_000;

let engine: Engine;
let folder: string;
let remove: () => Promise<void>;

const sh = async (line: string) => {
  const { status, stdout, stderr } = await shellIn(folder, engine).run(line);
  if (status !== 0) throw new Error(`${line} ended with ${status}:\n${stdout}${stderr}`);
  return stdout.trim();
};

describeWithContainers()("roble's own image", () => {
  beforeAll(async () => {
    ({ path: folder, remove } = await temporaryFolder('image'));
    await chmod(folder, 0o755);
    await tinyBundle(join(folder, 'model'));
    engine = await startEngine(['node']);
    await engine.buildOnce('--target', 'serve', '--tag', 'roble-serve', REPOSITORY);
  }, BUILD_MS);
  afterAll(async () => {
    await engine?.close();
    await remove();
  }, BUILD_MS);

  it('serves as a user without a name, on a root that is read-only, and is well', async () => {
    await sh(
      'docker run --detach --name roble-serve --read-only --tmpfs /tmp --publish 127.0.0.1::8080 --volume "$PWD/model:/project/model:ro" roble-serve --model model',
    );
    try {
      await expect
        .poll(() => sh("docker inspect --format '{{.State.Health.Status}}' roble-serve"), {
          timeout: 120_000,
          interval: 500,
        })
        .toBe('healthy');
      expect(await sh('docker exec roble-serve id -u')).toBe('10001');
      await expect(sh('docker exec roble-serve grep 10001 /etc/passwd')).rejects.toThrow('ended with 1');
      await expect(sh('docker exec roble-serve touch /opt/roble/x')).rejects.toThrow('Read-only');
      await sharp({ create: { width: 12, height: 12, channels: 3, background: 'white' } })
        .png()
        .toFile(join(folder, 'white.png'));
      const [address] = (await sh('docker port roble-serve 8080')).split('\n');
      const answer = await sh(
        `curl --silent --fail --max-time 20 --data-binary @white.png -H 'content-type: image/png' http://${address}/predict`,
      );
      expect(JSON.parse(answer).predictions.length).toBeGreaterThan(0);
    } finally {
      process.stderr.write(await sh('docker logs --tail 20 roble-serve 2>&1'));
      await sh('docker rm --force roble-serve');
    }
  });

  it('runs any command in a folder of the machine', async () => {
    const said = await sh(
      'docker run --rm --read-only --tmpfs /tmp --user "$(id -u):$(id -g)" --volume "$PWD:/project" --entrypoint roble roble-serve model:summary model --json',
    );
    expect(JSON.parse(said)).toMatchObject({ ok: true });
  });
});
