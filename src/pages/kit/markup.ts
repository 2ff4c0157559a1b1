import { element, escapeMarkup } from './element.js';

export interface HtmlColumn {
  readonly title: string;
  readonly numeric?: boolean;
}

/** A table of plain text. */
export function htmlTable(columns: readonly HtmlColumn[], rows: readonly (readonly string[])[]): string {
  const cells = (name: string, texts: readonly string[]) =>
    texts.map((text, i) =>
      element(name, { class: columns[i]!.numeric ? 'number' : undefined }, escapeMarkup(text)),
    );
  return element(
    'div',
    { class: 'scroll' },
    element(
      'table',
      {},
      element(
        'thead',
        {},
        element(
          'tr',
          {},
          ...cells(
            'th',
            columns.map(({ title }) => title),
          ),
        ),
      ),
      element('tbody', {}, ...rows.map((row) => element('tr', {}, ...cells('td', row)))),
    ),
  );
}

/** A heading and what it is about; nothing where there is nothing. */
export function htmlSection(title: string, ...content: readonly string[]): string {
  const inner = content.join('');
  return inner === '' ? '' : element('section', {}, element('h3', {}, escapeMarkup(title)), inner);
}

export function paragraph(text: string): string {
  return element('p', {}, escapeMarkup(text));
}

/** A picture inside the page. */
export function inlinePng(png: Uint8Array, alt: string): string {
  const src = `data:image/png;base64,${Buffer.from(png).toString('base64')}`;
  return element('img', { src, alt }).replace('></img>', '>');
}
