import { countOf, formatCount } from '../../core/base/text/text.js';
import type { InspectedModel } from '../../core/model/backbone/inspect-model.js';
import { numeric, tableLines } from '../terminal/format.js';

type InspectedFile = Extract<InspectedModel, { kind: 'onnx' }>;

/** What a file is, and what it would be used as. */
export function inspectedLines(result: InspectedModel): string[] {
  if (result.kind === 'onnx') return fileLines(result);
  const { height, width, channels } = result.input;
  return [
    `${result.folder} is a bundle of roble: "${result.name}", pictures of ${height}x${width}x${channels} (height, width, channels), ${result.classes.length} classes.`,
    `Its layers: roble model:summary ${result.folder}`,
  ];
}

function fileLines(found: InspectedFile): string[] {
  const values = [
    ...found.inputs.map((value) => ({ role: 'input', value, computed: undefined })),
    ...found.outputs.map((value) => ({ role: 'output', value, computed: value.computed })),
  ];
  const sides = (shape: readonly (number | string | undefined)[] | undefined) =>
    shape ? `[${shape.map((side) => side ?? '?').join(', ')}]` : '?';
  return [
    found.file,
    `SHA-256     ${found.sha256}`,
    `Size        ${(found.bytes / 1e6).toFixed(2)} MB, ${formatCount(found.parameters)} parameters`,
    `Written by  ${found.producer || 'an unknown program'}, operator set ${found.opset}`,
    '',
    ...tableLines(
      [{ title: '' }, { title: 'Name' }, { title: 'Type' }, { title: 'Shape' }],
      values.map(({ role, value, computed }) => [
        role,
        value.name,
        value.type ?? '?',
        sides(value.shape ?? computed),
      ]),
    ),
    '',
    ...tableLines(
      [{ title: 'Operator' }, numeric('Nodes')],
      found.operators.map(({ name, count }) => [name, formatCount(count)]),
    ),
    '',
    ...backboneLines(found),
  ];
}

function backboneLines({ input, normalization, features, layers, problems }: InspectedFile): string[] {
  const lines = ['As a backbone:'];
  if (input) {
    const { height, width, channels, dynamic, layout, name, type } = input;
    const any = dynamic.height && dynamic.width ? ', as any other size' : '';
    const colours = channels === 3 ? 'RGB' : 'grey';
    lines.push(`  Pictures       ${height}x${width} ${colours}${any}; input ${name}, ${layout}, ${type}`);
    if (!dynamic.batch) lines.push(`  Batch          always ${input.batch}`);
  }
  if (normalization) {
    const { mean, deviation, from } = normalization;
    const numbers = (all: readonly number[]) =>
      all.map((value) => String(Number(value.toPrecision(4)))).join(', ');
    const source = { asked: 'as asked', metadata: 'by its metadata', graph: 'by its first nodes' }[from];
    lines.push(`  Normalization  (value / 255 - [${numbers(mean)}]) / [${numbers(deviation)}]; ${source}`);
  }
  if (features) {
    const { size, name, from, isMap } = features;
    const count = size === undefined ? 'a number that is known when it has run once' : formatCount(size);
    lines.push(
      `  Features       ${count}${isMap ? ', averaged over height and width' : ''}; ${name}, ${from}`,
    );
  }
  if (layers.trainable) lines.push(`  Layers         can be trained: ${countOf(layers.tensors, 'tensor')}`);
  else if (features) lines.push(`  Layers         cannot be trained. ${layers.reason}`);
  for (const { message, suggestion } of problems)
    lines.push(`  Not clear: ${message}`, ...(suggestion ? [`    ${suggestion}`] : []));
  return lines;
}
