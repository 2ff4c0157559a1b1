/**
 * `roble train` with engines that have faults: the same base command, with its signals and exit codes, around the same
 * library. Words: a JSON object with the `options` of the training, and the `plugins` of the engines.
 */
import { Args } from '@oclif/core';
import { RobleCommand } from '../../dist/base-command.js';
import { trainModel } from '../../dist/library.js';
import { createRegistry } from '../../dist/plugins/index.js';

class RunTraining extends RobleCommand {
  static args = { words: Args.string({ required: true }) };

  async execute(context) {
    const { args } = await this.parse(RunTraining);
    const { options, plugins } = JSON.parse(args.words);
    const registry = createRegistry();
    for (const plugin of plugins) registry.register(plugin);
    return trainModel(options, { ...context, registry });
  }

  render({ stopped }) {
    this.log(stopped);
  }
}

await RunTraining.run(process.argv.slice(2), import.meta.url);
