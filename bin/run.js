#!/usr/bin/env node
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { homeFolder } from '../dist/core/base/storage/home.js';

// React draws in a third of the time, and keeps no measurements.
process.env.NODE_ENV ??= 'production';
// Else oclif looks for sources and a compiler of TypeScript where NODE_ENV is another, as projects set it.
globalThis.oclif = { enableAutoTranspile: false };
// What is not said here is looked up in the system's table of users, in which a container's user need not be.
process.env.SHELL ??= '';
process.env.HOME ||= homeFolder();

// To a server it is a wish to reload, and no end, also while it starts and stops.
if (process.argv[2] === 'serve') process.on('SIGHUP', () => {});

// Only now: some packages ask for the home folder while they load.
const { execute } = await import('@oclif/core/execute');
const { Config, Plugin } = await import('@oclif/core/config');

const isFromOutside = ({ type }) => type === 'user' || type === 'link';

// A plugin from outside adds commands and parts of roble, and no hooks: one that fails or hangs would stop every command.
const { runHook } = Config.prototype;
Config.prototype.runHook = function (...given) {
  for (const plugin of this.plugins.values()) if (isFromOutside(plugin)) plugin.hooks = {};
  return runHook.apply(this, given);
};

// Its commands are those of its oclif.manifest.json: to find others, oclif would run all of them before each command.
const { _manifest } = Plugin.prototype;
Plugin.prototype._manifest = function (...given) {
  const isListed = !isFromOutside(this) || existsSync(join(this.root, 'oclif.manifest.json'));
  return isListed ? _manifest.apply(this, given) : { version: this.version, commands: {} };
};

// Alone, roble shows where its user stands.
const words = process.argv.slice(2);
const args = words.every((word) => word === '--json') ? ['status', ...words] : words;

await execute({
  args,
  loadOptions: { root: fileURLToPath(import.meta.url), userPlugins: process.env.ROBLE_PLUGINS !== 'off' },
});
