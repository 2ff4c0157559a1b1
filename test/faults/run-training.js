/**
 * `roble train` and `roble train:resume` with the engine that has faults: the same base command, with its signals and
 * exit codes, around the same library. Words: a JSON object with `resume`, `options`, and the `faults` of the engine.
 */
import { Args } from '@oclif/core';
import { RobleCommand } from '../../dist/base-command.js';
import { createRegistry, resumeTraining, trainModel } from '../../dist/index.js';

class RunTraining extends RobleCommand {
  static args = { words: Args.string({ required: true }) };

  async execute(context) {
    const { args } = await this.parse(RunTraining);
    const { resume, options, faults } = JSON.parse(args.words);
    const registry = createRegistry();
    const address = new URL('./faulty-engine.js', import.meta.url);
    address.searchParams.set('faults', JSON.stringify(faults));
    registry.register({ name: 'faulty', apiVersion: 1, kind: 'training-engine', module: address.href });
    address.searchParams.set('engine', 'tfjs');
    registry.register({ name: 'faulty-tfjs', apiVersion: 1, kind: 'training-engine', module: address.href });
    return (resume ? resumeTraining : trainModel)(options, { ...context, registry });
  }

  render({ stopped }) {
    this.log(stopped);
  }
}

await RunTraining.run(process.argv.slice(2), import.meta.url);
