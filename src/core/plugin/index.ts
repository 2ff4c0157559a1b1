/** The public plugin API: what `import ... from 'roble/plugin'` gives. Plugins import nothing else of roble. */
export * from './api.js';
