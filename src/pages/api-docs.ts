import type { OpenApiSchema } from '../core/serving/http/route.js';
import type { ApiDescription, ApiPage, Operation } from '../core/serving/openapi/document.js';
import {
  element,
  escapeMarkup,
  htmlSection,
  htmlTable,
  linkedPage,
  pageStyle,
  paragraph,
} from './kit/html.js';

/** The description of the server for people. It runs no script and loads nothing but its style. */
export const apiPage: ApiPage = { html: documentPage, style: pageStyle };

function documentPage({ operations, document }: ApiDescription, stylesheet: string): string {
  const groups = [...new Set(operations.map(({ group }) => group))];
  return linkedPage('HTTP interface', stylesheet, [
    element('h1', {}, 'HTTP interface'),
    paragraph('What this server answers to. The same for programs, as OpenAPI 3.1, is in openapi.json.'),
    ...groups.flatMap((group) => [
      element('h2', {}, escapeMarkup(group)),
      ...operations.filter((operation) => operation.group === group).map(operationSection),
    ]),
    element('h2', {}, 'Messages'),
    ...Object.entries(document.components.schemas).map(([name, schema]) => messageSection(name, schema)),
  ]);
}

function operationSection(operation: Operation): string {
  const { method, path, summary, parameters, body, answer, status, errors, error } = operation;
  const messages = [
    ...Object.entries(body ?? {}).map(([type, schema]) => ['body', type, typeText(schema)]),
    ...Object.entries(answer).map(([type, schema]) => [`${status}`, type, typeText(schema)]),
    ...Object.entries(error).map(([type, schema]) => [errors.join(', '), type, typeText(schema)]),
  ];
  return htmlSection(
    `${method.toUpperCase()} ${path}`,
    paragraph(summary),
    parameters
      ? htmlTable(
          [{ title: 'Parameter' }, { title: 'In' }, { title: 'Type' }, { title: 'Meaning' }],
          parameters.map((one) => [one.name, one.in, typeText(one.schema), one.description]),
        )
      : '',
    htmlTable([{ title: 'Message' }, { title: 'Content type' }, { title: 'Content' }], messages),
  );
}

function messageSection(name: string, { properties = {}, required = [] }: OpenApiSchema): string {
  return htmlSection(
    name,
    htmlTable(
      [{ title: 'Key' }, { title: 'Type' }, { title: 'Needed' }, { title: 'Meaning' }],
      Object.entries(properties).map(([key, schema]) => [
        key,
        typeText(schema),
        required.includes(key) ? 'yes' : 'no',
        schema.description ?? '',
      ]),
    ),
  );
}

/** A type for people, such as `list of PredictAnswer`. */
function typeText(schema: OpenApiSchema): string {
  if (schema.$ref) return schema.$ref.split('/').at(-1)!;
  if (schema.format === 'binary') return 'bytes';
  if (schema.enum) return schema.enum.join(', ');
  if (schema.const !== undefined) return String(schema.const);
  const alternatives = schema.anyOf ?? schema.oneOf;
  if (alternatives) return alternatives.map(typeText).join(' or ');
  if (schema.type === 'array') return `list of ${schema.items ? typeText(schema.items) : 'values'}`;
  if (schema.properties) return `{ ${Object.keys(schema.properties).join(', ')} }`;
  return [schema.type ?? 'value'].flat().join(' or ');
}
