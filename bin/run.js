#!/usr/bin/env node
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
const { Config } = await import('@oclif/core/config');

// A plugin from outside adds commands and parts of roble, and no hooks: one that fails or hangs would stop every command.
const { runHook } = Config.prototype;
Config.prototype.runHook = function (...given) {
  for (const plugin of this.plugins.values())
    if (plugin.type === 'user' || plugin.type === 'link') plugin.hooks = {};
  return runHook.apply(this, given);
};

// Alone, roble shows where its user stands.
const words = process.argv.slice(2);
const args = words.every((word) => word === '--json') ? ['status', ...words] : words;

await execute({
  args,
  loadOptions: { root: fileURLToPath(import.meta.url), userPlugins: process.env.ROBLE_PLUGINS !== 'off' },
});
