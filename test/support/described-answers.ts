/** Whether an answer is one that the OpenAPI document describes. */
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import type { OpenApiSchema } from '../../src/core/serving/http/route.js';
import { openApiDocument } from '../../src/core/serving/openapi/document.js';

const document = openApiDocument();
// Keywords of OpenAPI that are no part of JSON Schema, such as formats, say nothing about what is valid.
const ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: true });
ajv.addSchema({ $id: 'roble', components: document.components });

const compiled = new Map<string, ValidateFunction>();

/** What checks values of a schema of the document; each is compiled once. */
export function checkOf(schema: OpenApiSchema): ValidateFunction {
  const text = JSON.stringify(schema).replaceAll('"#/', '"roble#/');
  const check = compiled.get(text) ?? ajv.compile(JSON.parse(text));
  compiled.set(text, check);
  return check;
}

/** What is wrong with an answer, by the document; undefined where it is as described. */
export async function faultsOf(response: Response, method: string, template: string): Promise<unknown> {
  const operation = document.paths[template]?.[method.toLowerCase()];
  const described = operation?.responses[response.status];
  if (!described) return `${method} ${template}: status ${response.status} is not described`;
  if (!described.content) return undefined;
  const type = response.headers.get('content-type')!.split(';')[0]!;
  const content = described.content[type];
  if (!content) return `${method} ${template}: ${response.status} as ${type} is not described`;
  if (!type.endsWith('json')) return undefined;
  const check = checkOf(content.schema);
  return check(await response.clone().json()) ? undefined : check.errors;
}

/** The path of the document that a request takes. */
export function templateOf(path: string): string {
  const bare = path.split('?')[0]!;
  const matches = (template: string) => new RegExp(`^${template.replace(/\{\w+\}/g, '[^/]+')}$`).test(bare);
  return Object.keys(document.paths).find(matches)!;
}
