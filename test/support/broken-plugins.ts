import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

interface BrokenPlugin {
  /** Fields of its `package.json` in place of those of a good one. */
  readonly about?: Readonly<Record<string, unknown>>;
  /** In place of those of the section "roble". */
  readonly roble?: Readonly<Record<string, unknown>>;
  readonly code?: string;
  /** What roble says of it. */
  readonly says: RegExp;
  /** Whether nothing but a limit of time ends the trial. */
  readonly neverEnds?: boolean;
  /** Whether its package is set aside before anything of it runs. */
  readonly isSetAside?: boolean;
}

/** The module of an augmenter with this body. */
export const augmenter = (body: string) => `
import { z } from 'roble/plugin';
export const plugin = {
  name: NAME, version: 1, description: 'Is broken.', parameters: z.object({}),
  apply(source, target, random) { ${body} },
};`;

/** Packages that each are wrong in one way. */
export const BROKEN: Readonly<Record<string, BrokenPlugin>> = {
  'throws-at-load': { code: 'throw new Error("no luck");', says: /could not be loaded: no luck/ },
  'throws-at-use': { code: augmenter('throw new Error("not today");'), says: /not today/ },
  'never-returns': { code: 'for (;;);', neverEnds: true, says: /did not return within/ },
  'never-loads': {
    code: 'await new Promise(() => {});',
    neverEnds: true,
    says: /did not return within|ended the thread/,
  },
  'ends-the-process': { code: 'process.exit(0);', says: /ended the thread that tried it/ },
  'from-the-future': {
    roble: { apiVersion: 2, plugins: { every: 'thing differs' } },
    isSetAside: true,
    says: /version 2 of the plugin interface.*Update roble/,
  },
  'unknown-kind': {
    roble: { plugins: [{ kind: 'flavour', name: 'broken', module: './broken.js' }] },
    isSetAside: true,
    says: /plugins\[0\]\.kind: expected one of .* received "flavour"/,
  },
  clashes: {
    roble: { plugins: [{ kind: 'augmenter', name: 'blur', module: './broken.js' }] },
    isSetAside: true,
    says: /adds the augmenter "blur", and roble has one already/,
  },
  'not-deterministic': {
    code: augmenter('target.data.fill((globalThis.calls = (globalThis.calls ?? 0) + 1)); return {};'),
    says: /do not give the same bytes/,
  },
  'leaves-a-part': {
    code: augmenter('target.data.fill(1, 0, 9); return {};'),
    says: /leaves a part of its target unwritten/,
  },
  'writes-outside': {
    code: augmenter('target.data.set(source.data); new Uint8Array(target.data.buffer).fill(7); return {};'),
    says: /writes outside of its target/,
  },
  'changes-its-source': {
    code: augmenter('source.data[0] ^= 1; target.data.set(source.data); return {};'),
    says: /changes the picture that it is given/,
  },
  'no-numbers': {
    code: augmenter('target.data.set(source.data); return { angle: NaN };'),
    says: /drawn values that are no numbers/,
  },
  'another-roble': {
    about: { peerDependencies: { roble: '^99.0.0' } },
    isSetAside: true,
    says: /needs roble \^99\.0\.0; this is/,
  },
  'no-module': {
    roble: { plugins: [{ kind: 'augmenter', name: 'broken', module: './dist/broken.js' }] },
    isSetAside: true,
    says: /lacks its module: there is no \.\/dist\/broken\.js/,
  },
  'throws-null': { code: augmenter('throw null;'), says: /it threw: null/ },
  'promises-values': {
    code: augmenter('target.data.set(source.data); return {};').replace('apply(', 'async apply('),
    says: /: its apply gives a promise; it has to be synchronous/,
  },
  'promises-itself': {
    code: augmenter('return {};').replace('apply(', 'create: async () => ({ apply: () => {} }), unused('),
    says: /: its create gives a promise; it has to be synchronous/,
  },
  promised: {
    code: 'export const plugin = import("roble/plugin");',
    says: /"promised" of promised 1\.0\.0 is a promise, and no plugin/,
  },
  'promises-layers': {
    roble: { plugins: [{ kind: 'preset', name: 'promises-layers', module: './broken.js' }] },
    code: 'export const plugin = { name: NAME, description: "Is broken.", layers: Promise.resolve([]) };',
    says: /its "layers" are a promise, no list of layers/,
  },
  'requires-roble': {
    about: { type: 'commonjs' },
    code: "const { z } = require('roble/plugin'); exports.plugin = { name: NAME };",
    says: /could not be loaded: Cannot find module 'roble\/plugin'( In a CommonJS module, take it by .*npm install roble".*)?$/,
  },
  'no-plugin': { code: 'export const other = 1;', says: /exports no "plugin"/ },
  'another-name': { code: augmenter('').replace('NAME', "'fixed'"), says: /its name is "fixed"/ },
  'no-package': { about: { roble: undefined }, isSetAside: true, says: /has no section "roble"/ },
};

/** Writes a package that is wrong in one way. */
export async function writeBroken(
  folder: string,
  name: string,
  { about, roble, code = augmenter('target.data.set(source.data); return {};') } = BROKEN[name]!,
): Promise<void> {
  const section = {
    apiVersion: 1,
    plugins: [{ kind: 'augmenter', name, module: './broken.js' }],
    ...roble,
  };
  const manifest = { name, version: '1.0.0', type: 'module', oclif: {}, roble: section, ...about };
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'package.json'), JSON.stringify(manifest));
  await writeFile(join(folder, 'broken.js'), code.replace('NAME', JSON.stringify(name)));
}

/** A package of the old kind of modules, which works. */
export async function writeCommonJs(folder: string): Promise<void> {
  const plugins = [{ kind: 'preset', name: 'old-style', module: './preset.cjs' }];
  const manifest = { name: 'old-style', version: '1.0.0', oclif: {}, roble: { apiVersion: '1', plugins } };
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'package.json'), JSON.stringify(manifest));
  const layers = `[{ type: 'flatten' }, { type: 'dense', units: 'classes' }]`;
  const plugin = `{ name: 'old-style', description: 'One layer.', layers: ${layers}, train: { epochs: 3 } }`;
  await writeFile(join(folder, 'preset.cjs'), `exports.plugin = ${plugin};`);
}
