import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  chooseDevice,
  keepMeasured,
  type MeasuredDevice,
  readMeasured,
} from '../src/core/learning/devices.js';
import { measureDevices } from '../src/core/operations/gpu/measure-devices.js';
import { verdictOn } from '../src/core/operations/gpu/set-up.js';
import { PluginRegistry } from '../src/core/plugin/registry.js';
import { createRegistry } from '../src/index.js';
import { temporaryFolder } from './support/temporary-folder.js';

const odd = pathToFileURL(join(import.meta.dirname, 'support/odd-engine.js')).href;
const registryWithOdd = () =>
  new PluginRegistry([
    ...createRegistry().entries.filter(({ kind, name }) => kind === 'training-engine' && name === 'onnx'),
    { name: 'odd', apiVersion: 1, kind: 'training-engine', module: odd },
  ]);

const measured = (device: string, rate: number, rest: Partial<MeasuredDevice> = {}): MeasuredDevice => ({
  engine: 'onnx',
  device,
  description: device,
  kind: device === 'cpu' ? 'cpu' : 'gpu',
  software: false,
  usable: true,
  trainImagesPerSecond: rate,
  ...rest,
});

describe('measureDevices', () => {
  it('tells devices that crash, refuse or compute something else, each with its reason, and times the others', async () => {
    const stalling = {
      name: 'stalling',
      apiVersion: 1,
      kind: 'training-engine',
      module: `${odd}?stall`,
    } as const;
    const { devices } = await measureDevices({
      registry: new PluginRegistry([...registryWithOdd().entries, stalling]),
      timedMs: 1,
      // A busy machine is not to pass for a slow device.
      timeoutMs: 600_000,
    });
    const of = (engine: string, device: string) =>
      devices.find((one) => one.engine === engine && one.device === device)!;
    expect(of('onnx', 'cpu')).toMatchObject({ usable: true, kind: 'cpu', difference: 0 });
    expect(of('odd', 'right')).toMatchObject({ usable: true, difference: 0 });
    expect(of('odd', 'right').trainImagesPerSecond).toBeGreaterThan(0);
    expect(of('odd', 'right').inferImagesPerSecond).toBeGreaterThan(0);
    // A step that was held up does not make a device too slow to be timed.
    expect(of('stalling', 'stall').trainImagesPerSecond).toBeGreaterThan(0);
    expect(of('odd', 'emulated')).toMatchObject({ usable: true, software: true });
    const reason = (device: string) => of('odd', device).reason;
    expect(['crash', 'wrong', 'refuse'].map((device) => of('odd', device).usable)).toEqual(
      Array(3).fill(false),
    );
    expect(reason('crash')).toContain('SIGSEGV');
    expect(reason('wrong')).toContain('computes something else');
    expect(reason('refuse')).toContain('no such adapter');
  }, 600_000);

  it('gives up a device that hangs, however deaf', async () => {
    const registry = new PluginRegistry([
      { name: 'odd', apiVersion: 1, kind: 'training-engine', module: `${odd}?hang` },
    ]);
    // By then a process that lists its devices has answered, on a busy machine too.
    const { devices } = await measureDevices({ registry, timeoutMs: 10_000 });
    expect(devices).toMatchObject([{ usable: false, reason: 'did not finish within 10 s' }]);
  });
});

describe('chooseDevice', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  beforeEach(async () => {
    folder = await temporaryFolder('gpu');
    vi.stubEnv('XDG_CACHE_HOME', folder.path);
  });
  afterEach(async () => {
    vi.unstubAllEnvs();
    await folder.remove();
  });

  const registry = createRegistry();
  const choose = (device: string, engine = 'onnx') => chooseDevice({ engine, device }, registry);

  it('auto: the CPU where nothing was measured, and says so', async () => {
    expect(await choose('auto')).toEqual({ device: 'cpu', why: expect.stringContaining('gpu:setup') });
  });

  it('auto: the fastest of the engine that was measured here; no software, nothing unusable, no other engine', async () => {
    await keepMeasured(registry, [
      measured('cpu', 100),
      measured('webgpu', 900),
      measured('cuda', 950, { usable: false, reason: 'mismatch' }),
      measured('swift', 990, { software: true }),
      measured('gpu', 2000, { engine: 'tfjs' }),
    ]);
    expect(await choose('auto')).toEqual({ device: 'webgpu', why: expect.stringContaining('900 images/s') });
    expect((await choose('auto', 'tfjs')).device).toBe('gpu');
    expect((await readMeasured(registry))!.devices).toHaveLength(5);
  });

  it('auto: knows nothing of measurements with other plugins', async () => {
    await keepMeasured(registry, [measured('webgpu', 900)]);
    expect((await chooseDevice({ engine: 'onnx', device: 'auto' }, registryWithOdd())).device).toBe('cpu');
  });

  it('gpu:N is the GPU of that number, whatever its name, but no software', async () => {
    const own = registryWithOdd();
    const nth = (device: string) => chooseDevice({ engine: 'odd', device }, own);
    expect((await nth('gpu')).device).toBe('right');
    expect((await nth('gpu:1')).device).toBe('crash');
    // Behind them comes an adapter that computes on the CPU.
    await expect(nth('gpu:4')).rejects.toMatchObject({
      code: 'ROBLE_DEVICE_UNAVAILABLE',
      details: { received: 'gpu:4', expected: expect.stringContaining('emulated') },
    });
  });

  it('leaves every other name to the engine', async () => {
    expect(await choose('cuda:7')).toEqual({ device: 'cuda:7' });
  });
});

describe('verdictOn', () => {
  const devices = [measured('cpu', 10), measured('webgpu', 90, { usable: false, reason: 'no adapter' })];
  it.each([
    ['auto', true, undefined],
    ['cpu', true, undefined],
    ['webgpu', false, 'no adapter'],
    ['gpu', false, 'no adapter'],
    ['gpu:1', false, 'has no device "gpu:1"'],
    ['cuda', false, 'but cpu, webgpu'],
  ])('%s: %s', (device, usable, reason) => {
    const verdict = verdictOn({ engine: 'onnx', device }, devices, []);
    expect(verdict.usable).toBe(usable);
    if (reason) expect(verdict.reason).toContain(reason);
  });

  it('of an engine that is not here', () => {
    const missing = [{ engine: 'tfjs', reason: 'no package' }];
    expect(verdictOn({ engine: 'tfjs', device: 'auto' }, devices, missing)).toEqual({
      usable: false,
      reason: 'no package',
    });
  });
});
