/** The direction of dependencies: commands -> flags, ui, core; plugins -> the public plugin API; core imports no plugin. */
module.exports = {
  forbidden: [
    {
      name: 'no-circular',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'core-knows-no-one',
      severity: 'error',
      from: { path: '^src/core' },
      to: { path: '^src/(commands|flags|ui|plugins|client|index|with-plugins|registry)' },
    },
    {
      name: 'ui-knows-only-core',
      severity: 'error',
      from: { path: '^src/ui' },
      to: { path: '^src/(commands|flags|plugins|index|with-plugins|registry)' },
    },
    {
      name: 'commands-load-what-they-need',
      severity: 'error',
      from: { path: '^src/(commands|flags|hooks|base-command)', pathNot: '[.]test[.]ts$' },
      to: { path: '^src/index' },
    },
    {
      name: 'plugins-use-the-public-api',
      severity: 'error',
      from: { path: '^src/plugins', pathNot: '[.]test[.]ts$' },
      to: { path: '^src/(core/(?!plugin/index[.]ts)|commands|flags|ui|index)' },
    },
    {
      name: 'client-is-light',
      severity: 'error',
      from: { path: '^src/(client|core/http)/', pathNot: '[.]test[.]ts$' },
      to: {
        path: '^src/(commands|flags|ui|plugins|index)|^src/core/(?!(errors|secret|storage/read-file)[.]ts|http/)',
        dependencyTypesNot: ['type-only'],
      },
    },
    {
      name: 'core-is-no-terminal',
      severity: 'error',
      from: { path: '^src/core' },
      to: { path: 'node_modules/(@oclif|ink|react|listr2)/' },
    },
    {
      name: 'page-stands-alone',
      severity: 'error',
      from: { path: '^src/web' },
      to: { pathNot: '^src/web' },
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
