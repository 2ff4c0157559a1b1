import {
  type Alias,
  Composer,
  type Document,
  isAlias,
  isCollection,
  isMap,
  isPair,
  isScalar,
  isSeq,
  Lexer,
  LineCounter,
  type Node,
  type Pair,
  Parser,
  type YAMLError,
} from 'yaml';
import { RobleError } from '../errors.js';
import { describeJsonFault, findJsonFault } from './json-text.js';

/** Deeper than anything that people write, and far from where the parser would run out of stack. */
const MAX_DEPTH = 100;
/** Values that a file may hold once each alias is replaced by what it stands for. */
const MAX_VALUES = 100_000;
const PLAIN_TAGS = ['map', 'seq', 'str', 'int', 'float', 'bool', 'null'].map(
  (name) => `tag:yaml.org,2002:${name}`,
);

export interface YamlText {
  /** What the text holds, as plain data without cycles. */
  readonly value: unknown;
  /** The same with comments and layout, for who edits it. */
  readonly document: Document.Parsed;
  /** The line of the key at a path, or of the deepest one on the way to it that is written in the text. */
  lineOf(path: readonly PropertyKey[]): number | undefined;
}

export interface ReadTextOptions {
  /** Of messages. */
  readonly name: string;
  /** Tags such as Docker's `!reset` are left to the program that knows them; otherwise they are refused. */
  readonly anyTags?: boolean;
}

/**
 * Reads one YAML document that somebody wrote. Keys are texts as they are written (`1:` is the key "1"), `<<` merges maps,
 * and whatever cannot become plain data is refused.
 *
 * @throws {RobleError} `ROBLE_CONFIG_SYNTAX`, always with line and column and a way out
 */
export function readYaml(text: string, { name, anyTags = false }: ReadTextOptions): YamlText {
  const lines = new LineCounter();
  const fail: Fail = (offset, message, hint) => syntaxError(name, message, lines.linePos(offset), hint);
  const document = compose(text, lines, fail);
  const [fault] = [...document.errors, ...(anyTags ? [] : document.warnings)];
  if (fault) throw fail(fault.pos[0], firstLine(fault), HINTS[fault.code]);
  checkNodes(document, fail, anyTags);
  // The checks above bound what aliases stand for.
  return { value: document.toJS({ maxAliasCount: -1 }), document, lineOf: lineFinder(document, lines) };
}

/**
 * Reads a JSON text that somebody wrote.
 *
 * @throws {RobleError} `ROBLE_CONFIG_SYNTAX`, always with line and column and a way out
 */
export function readJson(text: string, { name }: ReadTextOptions): YamlText {
  const lines = new LineCounter();
  const fail: Fail = (offset, message, hint) => syntaxError(name, message, lines.linePos(offset), hint);
  // JSON is YAML but for some odd cases; its tree knows the places, and keys that are there twice.
  const document = compose(text, lines, fail);
  const fault = findJsonFault(text);
  if (fault) {
    throw fail(fault.offset, describeJsonFault(text, fault), fault.hint);
  }
  const twice = document.errors.find(({ code }) => code === 'DUPLICATE_KEY');
  if (twice) throw fail(twice.pos[0], firstLine(twice), HINTS.DUPLICATE_KEY);
  return { value: JSON.parse(text), document, lineOf: lineFinder(document, lines) };
}

type Fail = (offset: number, message: string, hint?: string) => RobleError;

function syntaxError(
  name: string,
  message: string,
  { line, col }: { line: number; col: number },
  hint = 'Mend this place; what is wrong may begin on the line before.',
): RobleError {
  return new RobleError('ROBLE_CONFIG_SYNTAX', `${name}:${line}:${col}: ${message}`, {
    received: `line ${line}, column ${col}`,
    nextSteps: [hint],
  });
}

const QUOTE = 'Put quotes around the text.';

/** By the codes of the parser. */
const HINTS: Readonly<Partial<Record<YAMLError['code'], string>>> = {
  TAB_AS_INDENT: 'Indent with spaces.',
  DUPLICATE_KEY: 'Remove one of the two: only one could be used.',
  MULTIPLE_DOCS: 'Keep one document: remove the line "---" and what is not meant.',
  NON_STRING_KEY: 'A key is a word or a text in quotes.',
  BAD_SCALAR_START: QUOTE,
  BAD_ALIAS: 'A "*" begins the name of an anchor; put quotes around a text that begins with it: "*".',
  BLOCK_AS_IMPLICIT_KEY: 'Put the value on a line of its own, or quotes around a text with a colon.',
  TAG_RESOLVE_FAILED: 'Remove the tag, or put quotes around a text that begins with "!".',
  BAD_DIRECTIVE: 'Remove the line.',
};

/** The parser's words, without the place and the picture of it that follow. */
function firstLine({ message, code }: YAMLError): string {
  if (code === 'MULTIPLE_DOCS') return 'a second document begins here';
  if (code === 'NON_STRING_KEY') return 'a key is a list, a map or an alias';
  return message.split('\n')[0]!.replace(/ at line \d+, column \d+:?$/, '');
}

/** As the parser's own `parseDocument`, which runs out of stack, and takes the process with it, where brackets nest deeply. */
function compose(text: string, lines: LineCounter, fail: Fail): Document.Parsed {
  const parser = new Parser(lines.addNewLine);
  lines.addNewLine(0);
  function* tokens() {
    for (const lexeme of new Lexer().lex(text)) {
      yield* parser.next(lexeme);
      if (parser.stack.length > MAX_DEPTH)
        throw fail(parser.offset, `nested more than ${MAX_DEPTH} levels deep`, 'Nest less.');
    }
    yield* parser.end();
  }
  const composer = new Composer({ stringKeys: true, merge: true });
  const [document, second] = [...composer.compose(tokens(), true, text.length)] as Document.Parsed[];
  const [fault] = document!.errors;
  if (second && !fault) throw fail(second.range[0], 'a second document begins here', HINTS.MULTIPLE_DOCS);
  return document!;
}

/** Refuses what the parser takes, and what plain data cannot be. */
function checkNodes(document: Document.Parsed, fail: Fail, anyTags: boolean): void {
  const anchors = new Map<string, Node>();
  const sizes = new Map<Node, number>();
  const open = new Set<Node>();
  let total = 0;
  const offsetOf = (node: unknown) => (node as Node | null)?.range?.[0] ?? 0;

  /** How many values a node stands for; an alias for as many as its anchor. */
  const measure = (node: unknown): number => {
    if (isPair(node)) {
      if (isMergeKey(node)) checkMerge(node);
      return measure(node.value);
    }
    if (isAlias(node)) return measureAlias(node);
    if (!isScalar(node) && !isCollection(node)) return 1;
    if (node.anchor) anchors.set(node.anchor, node);
    const isPlain = isScalar(node) ? !(node.value instanceof Object) : isMap(node) || isSeq(node);
    if (!anyTags && !(isPlain && (node.tag === undefined || PLAIN_TAGS.includes(node.tag))))
      throw fail(
        offsetOf(node),
        `${node.tag ?? 'this'} is no text, number, list or map`,
        HINTS.TAG_RESOLVE_FAILED,
      );
    open.add(node);
    let size = 1;
    if (isCollection(node)) for (const item of node.items) size += measure(item);
    open.delete(node);
    sizes.set(node, size);
    return size;
  };
  const measureAlias = (alias: Alias): number => {
    const node = anchors.get(alias.source);
    const words = `*${alias.source}`;
    if (!node)
      throw fail(
        offsetOf(alias),
        `${words} stands for the anchor &${alias.source}, which is not defined before it`,
        `If a text is meant, put quotes around it: "${words}".`,
      );
    if (open.has(node))
      throw fail(
        offsetOf(alias),
        `${words} stands for what it is itself a part of`,
        'Write out what is meant.',
      );
    const size = sizes.get(node)!;
    total += size;
    if (total > MAX_VALUES)
      throw fail(
        offsetOf(alias),
        `the aliases up to here stand for more than ${MAX_VALUES} values`,
        'Write out what is meant, or repeat less.',
      );
    return size;
  };
  const checkMerge = ({ value }: Pair): void => {
    const sources = isSeq(value) ? value.items : [value];
    for (const source of sources)
      if (!isMap(isAlias(source) ? (anchors.get(source.source) ?? document.createNode({})) : source))
        throw fail(
          offsetOf(source),
          '"<<" merges maps, and this is none',
          'Name the anchor of a map: "<<: *name".',
        );
  };
  measure(document.contents);
}

function isMergeKey({ key }: Pair): boolean {
  return isScalar(key) && key.source === '<<' && key.type === 'PLAIN';
}

function lineFinder(document: Document.Parsed, lines: LineCounter): YamlText['lineOf'] {
  return (path) => {
    const offset = nodeAt(document.contents, path)?.range?.[0];
    return offset === undefined ? undefined : lines.linePos(offset).line;
  };
}

function nodeAt(node: unknown, [head, ...rest]: readonly PropertyKey[]): Node | undefined {
  if (head === undefined) return undefined;
  if (isSeq(node)) {
    const item = node.items[Number(head)] as Node | undefined;
    return nodeAt(item, rest) ?? item;
  }
  if (!isMap(node)) return undefined;
  const pair = node.items.find(({ key }) => isScalar(key) && key.value === head);
  return nodeAt(pair?.value, rest) ?? (pair?.key as Node | undefined);
}
