/**
 * A graphics adapter that computes on the CPU, for tests: the SwiftShader of Debian's package `chromium`, which Vulkan's
 * loader (`libvulkan1`) takes when the environment names it.
 */
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';

const DRIVER = '/usr/lib/chromium/vk_swiftshader_icd.json';

/** The environment of a process that sees the software adapter and no other; undefined where it is not installed. */
export function softwareGpuEnvironment(): Record<string, string> | undefined {
  if (existsSync(DRIVER))
    return { VK_ICD_FILENAMES: DRIVER, VK_DRIVER_FILES: DRIVER, XDG_RUNTIME_DIR: tmpdir() };
  if (process.env.CI)
    throw new Error(`${DRIVER} is missing. Install it: apt-get install chromium libvulkan1 (see .ci/run).`);
  return undefined;
}
