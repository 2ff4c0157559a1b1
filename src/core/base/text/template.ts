import { readFile } from 'node:fs/promises';
import { RobleError } from '../errors.js';

const FOLDER = new URL('../../../../templates/', import.meta.url);

/**
 * Fills a file of `templates/`: `<%= it.name %>` is a value; a line with nothing but `<% ... %>` is code, and leaves no
 * line behind. Neither is a form that the filled files use themselves, as `{{ }}` and `${ }` are.
 *
 * @throws {RobleError} `ROBLE_INTERNAL` for a value that the template asks for in vain
 */
export async function fillTemplate(name: string, values: object): Promise<string> {
  const { Eta } = await import('eta');
  const eta = new Eta({ autoEscape: false, autoTrim: false, cache: false });
  const text = await readFile(new URL(name, FOLDER), 'utf8');
  const withoutCodeLines = text.replace(/^[ \t]*(<%(?![=~])[^\n]*?%>)[ \t]*\n/gm, '$1');
  return eta.renderString(withoutCodeLines, complete(name, values));
}

function complete<T extends object>(template: string, values: T): T {
  return new Proxy(values, {
    get(target, key) {
      if (!(key in target))
        throw new RobleError(
          'ROBLE_INTERNAL',
          `The template ${template} asks for "${String(key)}", which has no value.`,
        );
      return target[key as keyof T];
    },
  });
}
