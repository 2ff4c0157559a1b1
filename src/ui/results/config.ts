import { Document, isScalar, visit } from 'yaml';

/** A configuration as YAML, with a comment beside each value when `comment` has one for its path. */
export function configYaml(
  config: unknown,
  comment: (path: string) => string | undefined = () => undefined,
): string {
  const document = new Document(config);
  visit(document, {
    Pair(_, pair, ancestors) {
      const names = [...ancestors, pair].flatMap((node) =>
        isPair(node) ? [String(node.key.value ?? node.key)] : [],
      );
      const text = comment(names.join('.'));
      if (text === undefined) return;
      if (isScalar(pair.value)) pair.value.comment = ` ${text}`;
      else if (isScalar(pair.key)) pair.key.commentBefore = ` ${text}`;
    },
  });
  return document.toString({ lineWidth: 0 });
}

function isPair(node: unknown): node is { key: { value?: unknown } } {
  return typeof node === 'object' && node !== null && 'key' in node;
}
