/**
 * The storeys of the house: imports go down, type imports too, and never in a circle. `docs/architecture.md` says what each
 * room is for.
 */
const TESTS = '[.]test[.]tsx?$';

/** The rooms of core from below; those that share a line do not know each other. */
const STOREYS = [
  ['base'],
  ['image'],
  ['model'],
  ['plugin'],
  ['predict'],
  ['data'],
  ['learning', 'serving'],
  ['operations'],
  ['config'],
];

/** Each room of core may import itself and what lies below. */
const storeys = STOREYS.flatMap((rooms, height) =>
  rooms.map((room) => {
    const mine = [...STOREYS.slice(0, height).flat(), room];
    return only(`core-${room}`, `^src/core/${room}/`, `^src/core/(${mine.join('|')})/`);
  }),
);

/** What lies in `from` imports nothing of src but what lies in `to`. */
function only(name, from, to) {
  return {
    name,
    severity: 'error',
    from: { path: from, pathNot: TESTS },
    to: { path: '^src/', pathNot: [from, to] },
  };
}

module.exports = {
  forbidden: [
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    ...storeys,
    only('engine-kit', '^src/engine-kit/', '^src/core/(plugin/index[.]ts$|model/onnx/)'),
    only('plugins', '^src/plugins/[^/]+/', '^src/(core/plugin/index[.]ts$|engine-kit/)'),
    only('plugins-in-the-box', '^src/plugins/index[.]ts', '^src/(core/plugin|plugins)/'),
    {
      name: 'plugins-know-only-themselves',
      severity: 'error',
      from: { path: '^src/plugins/([^/]+)/', pathNot: TESTS },
      to: { path: '^src/plugins/', pathNot: '^src/plugins/$1/' },
    },
    only('testing', '^src/testing/', '^src/(core/(?!(config|operations)/)|engine-kit/|plugins/)'),
    only('pages', '^src/pages/', '^src/core/(?!config/)'),
    only('ui', '^src/ui/', '^src/(pages/|core/(?!config/))'),
    only('flags', '^src/flags/', '^src/core/(?!config/)'),
    only('hooks', '^src/hooks/', '^src/(ui|core)/'),
    only('web', '^src/web/', '^src/web/'),
    {
      name: 'client-is-light',
      severity: 'error',
      from: { path: '^src/client/', pathNot: TESTS },
      to: {
        path: '^src/',
        pathNot: '^src/(client/|core/base/(errors|secret|http|storage/read-file)[.]ts$)',
        dependencyTypesNot: ['type-only'],
      },
    },
    {
      name: 'commands-load-what-they-need',
      severity: 'error',
      from: { path: '^src/(commands|base-command|machine-plugins)', pathNot: TESTS },
      to: { path: '^src/index' },
    },
    only('the-front', '^src/(library|index)[.]ts$', '^src/(library|pages/|client/|plugins/index|core/)'),
    {
      name: 'core-is-no-terminal',
      severity: 'error',
      from: { path: '^src/(core|pages)/' },
      to: { path: 'node_modules/(@oclif|ink|react|listr2)/' },
    },
    { name: 'not-to-unresolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
      extensions: ['.ts', '.tsx', '.js', '.json'],
    },
  },
};
