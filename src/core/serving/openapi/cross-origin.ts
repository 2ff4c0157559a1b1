import type { OpenApiDocument } from './document.js';

/** What scripts of pages of other origins need to be allowed, to use all that the server offers. */
export interface CrossOriginNeeds {
  /** Methods other than `OPTIONS`. */
  readonly methods: readonly string[];
  /** Headers that they may send. */
  readonly requestHeaders: readonly string[];
  /** Headers that they may read. */
  readonly answerHeaders: readonly string[];
}

/** Of all requests that have a body. */
const BODY_HEADERS = ['content-encoding', 'content-type'];
/** Of answers that the document does not describe: by which methods a path may be asked. */
const PATH_HEADERS = ['allow'];

/** The needs that follow from a description of all paths. */
export function crossOriginNeeds({ paths, components }: OpenApiDocument): CrossOriginNeeds {
  const operations = Object.values(paths).flatMap((path) => Object.values(path));
  const parameters = operations.flatMap(({ parameters = [] }) => parameters);
  const keys = Object.values(components.securitySchemes).map(({ name = 'authorization' }) => name);
  const answers = operations.flatMap(({ responses }) => Object.values(responses));
  const methods = Object.values(paths).flatMap((path) => Object.keys(path).map((name) => name.toUpperCase()));
  return {
    methods: sorted([...methods, ...(methods.includes('GET') ? ['HEAD'] : [])]),
    requestHeaders: sorted([
      ...parameters.filter((one) => one.in === 'header').map(({ name }) => name),
      ...keys,
      ...(operations.some(({ requestBody }) => requestBody) ? BODY_HEADERS : []),
    ]),
    answerHeaders: sorted([...answers.flatMap(({ headers = {} }) => Object.keys(headers)), ...PATH_HEADERS]),
  };
}

function sorted(names: readonly string[]): string[] {
  return [...new Set(names)].sort();
}
