import * as Args from '@oclif/core/args';
import { RobleCommand } from '../../base-command.js';
import type { InspectedModel } from '../../core/model/backbone/inspect-model.js';
import { backboneFlags, backboneOverrides } from '../../flags/backbone.js';
import { inspectedLines } from '../../ui/results/inspected-model.js';

export default class ModelInspect extends RobleCommand<InspectedModel> {
  static override summary = 'Show what an ONNX file holds, and what it would be used as.';
  static override description =
    'Inputs, outputs, operators and parameters, and how it would be used as a backbone: which pictures it takes, and which value ' +
    'is the features. What the file does not say can be said by flags. Nothing is computed with it.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> efficientnet-lite0.onnx --mean 0.498,0.498,0.498 --deviation 0.502,0.502,0.502',
    '<%= config.bin %> <%= command.id %> resnet50.onnx --normalization imagenet --json',
  ];
  static override args = {
    file: Args.string({
      description: 'An ONNX file, or the folder of a bundle.',
      required: true,
      ignoreStdin: true,
    }),
  };
  static override flags = backboneFlags;

  protected async execute(): Promise<InspectedModel> {
    const { args, flags } = await this.parse(ModelInspect);
    const { inspectModel } = await import('../../core/model/backbone/inspect-model.js');
    return inspectModel({ file: args.file, ...backboneOverrides(flags) });
  }

  protected render(result: InspectedModel): void {
    for (const line of inspectedLines(result)) this.log(line);
  }
}
