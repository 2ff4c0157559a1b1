import { ELEMENT_TYPES, invalidOnnx, type OnnxGraph, type OnnxModel, type OnnxNode } from './format.js';

/**
 * The part of a model that one of its values needs, with that value as the only output. Inputs stay, used or not.
 *
 * @throws {RobleError} `ROBLE_ONNX_INVALID` where nothing gives the value
 */
export function cutModel(model: OnnxModel, output: string): OnnxModel {
  const { graph } = model;
  const needed = new Set([output]);
  const nodes: OnnxNode[] = [];
  for (const node of graph.node.toReversed()) {
    if (!node.output.some((name) => name !== '' && needed.has(name))) continue;
    nodes.push(node);
    for (const name of namesIn(node)) needed.add(name);
  }
  const known = [...graph.output, ...(graph.valueInfo ?? []), ...graph.input].find(
    ({ name }) => name === output,
  );
  if (!known && !nodes.some((node) => node.output.includes(output)))
    throw invalidOnnx(`nothing gives the value "${output}".`);
  return {
    ...model,
    graph: {
      ...graph,
      node: nodes.reverse(),
      initializer: graph.initializer.filter(({ name }) => needed.has(name)),
      output: [known ?? { name: output, type: { tensorType: { elemType: ELEMENT_TYPES.float32 } } }],
      valueInfo: graph.valueInfo?.filter(({ name }) => name !== output && needed.has(name)) ?? [],
    },
  };
}

/** The values that a node takes, also in the graphs of a loop or a condition. */
function* namesIn({ input, attribute = [] }: OnnxNode): Generator<string> {
  yield* input;
  const inner = attribute.flatMap(({ g, graphs = [] }): readonly OnnxGraph[] =>
    g ? [g, ...graphs] : graphs,
  );
  for (const { node, output } of inner) {
    for (const each of node) yield* namesIn(each);
    for (const { name } of output) yield name;
  }
}
