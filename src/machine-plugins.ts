import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { RobleCommand } from './base-command.js';
import { RobleError } from './core/base/errors.js';
import type { PluginPackage, SetAside } from './core/plugin/packages.js';
import { isPluginPath } from './core/plugin/settings.js';

/** What the machine has after a change. */
export interface MachinePlugins {
  readonly packages: readonly PluginPackage[];
  readonly setAside: readonly SetAside[];
}

/**
 * What the commands share that change the packages of plugins which all projects of a machine have. oclif's own plugin does
 * the work, by npm.
 */
export abstract class MachinePluginsCommand extends RobleCommand<MachinePlugins> {
  /** Runs a command of `@oclif/plugin-plugins`, and looks at what is there then. */
  protected async change(
    command: 'install' | 'uninstall' | 'update' | 'link',
    argv: readonly string[],
  ): Promise<MachinePlugins> {
    // A plugin gets the roble that runs; npm must not look for another one.
    process.env.npm_config_legacy_peer_deps = 'true';
    const { commands } = await import('@oclif/plugin-plugins');
    try {
      await commands[`plugins:${command}`].run([...argv], this.config);
    } catch (cause) {
      throw new RobleError('ROBLE_INSTALL_FAILED', `plugins:${command} failed: ${messageOf(cause)}`, {
        received: argv.join(' '),
        nextSteps: stepsFor(messageOf(cause)),
        cause,
      });
    }
    const { machinePackages } = await import('./core/plugin/machine.js');
    const { findPackages } = await import('./core/plugin/packages.js');
    return findPackages(await machinePackages(this.config.dataDir));
  }

  protected render({ packages, setAside }: MachinePlugins): void {
    this.log(
      packages.length + setAside.length === 0 ? 'This machine has no plugins.' : 'Plugins of this machine:',
    );
    for (const { name, version, plugins } of packages)
      this.log(
        `  ${name} ${version}: ${plugins.map(({ kind, name }) => `${kind} ${name}`).join(', ') || 'commands'}`,
      );
    for (const { package: name, reason } of setAside) this.log(`  ${name} is set aside: ${reason}`);
  }
}

/** A package as npm takes it: an archive or a folder by its whole path. */
export function packageToInstall(given: string): string {
  const isArchive = given.endsWith('.tgz') || given.endsWith('.tar.gz');
  const isPath = isPluginPath(given) || isArchive;
  return isPath && !given.includes('://') && existsSync(given) ? `file:${resolve(given)}` : given;
}

/** What oclif and npm said, without the lines that name a log file. */
function messageOf(cause: unknown): string {
  const { message, stderr } = cause as { message?: string; stderr?: readonly string[] };
  return [message ?? String(cause), ...(stderr ?? [])].join('\n').trim();
}

function stepsFor(message: string): string[] {
  return message.includes('plugin is invalid')
    ? ['Its package.json needs a section "oclif", which may be empty: ask its author.']
    : ['Check the name, and that npm reaches its registry: "npm view NAME version".'];
}
