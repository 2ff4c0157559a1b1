import { DARK, LIGHT, type Palette, plotStyle } from './theme.js';

/**
 * A page of a report: one file, that loads nothing and runs nothing, light or dark as the reader's system is.
 *
 * @param body markup, in order
 */
export function pageFrame(title: string, body: readonly string[]): string {
  return page(title, `<style>${pageStyle()}</style>`, body);
}

/** The same for a server, with {@link pageStyle} beside it: a strict content security policy allows no style inside. */
export function linkedPage(title: string, stylesheet: string, body: readonly string[]): string {
  return page(title, `<link rel="stylesheet" href="${escapeMarkup(stylesheet)}">`, body);
}

function page(title: string, style: string, body: readonly string[]): string {
  const head = [
    '<meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    '<meta name="color-scheme" content="light dark">',
    element('title', {}, escapeMarkup(`${title} - roble`)),
    style,
  ];
  return `<!doctype html>\n<html lang="en"><head>${head.join('\n')}</head>\n<body><main>${body.join('\n')}</main></body></html>\n`;
}

export function pageStyle(): string {
  return [
    pageColors(LIGHT),
    plotStyle(LIGHT),
    'body{margin:0;font:15px/1.5 system-ui,"Segoe UI","DejaVu Sans",sans-serif}',
    'main{max-width:980px;margin:0 auto;padding:24px 16px}',
    'h1{font-size:26px}h2{font-size:21px;margin-top:44px;padding-top:20px;border-top:1px solid}h3{font-size:16px;margin:28px 0 8px}',
    '.plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,440px),1fr));gap:20px;margin:20px 0}',
    '.plots svg{width:100%;height:auto}.plots svg[viewBox^="0 0 96"]{grid-column:1/-1}',
    '.scroll{overflow-x:auto;max-height:480px;overflow-y:auto}',
    'table{border-collapse:collapse;font-size:13px}th,td{padding:3px 12px 3px 0;text-align:left;border-bottom:1px solid;white-space:nowrap}',
    'td:last-child{white-space:normal}.number{text-align:right;font-variant-numeric:tabular-nums}',
    'thead th{position:sticky;top:0}',
    '.finding{border-left:4px solid;padding:2px 0 2px 14px;margin:14px 0}.finding p{margin:2px 0}.finding ul{margin:4px 0;padding-left:20px}',
    '.severity{font-size:12px;font-weight:600;text-transform:uppercase;letter-spacing:.04em}',
    'code{font-size:.93em}pre{overflow-x:auto;font-size:12px}img{max-width:100%;image-rendering:pixelated}',
    `@media (prefers-color-scheme: dark){${pageColors(DARK)}${plotStyle(DARK)}}`,
  ].join('\n');
}

function pageColors({ background, ink, muted, grid, right, wrong, series }: Palette): string {
  return [
    `body,thead th{background:${background};color:${ink}}`,
    `h2,th,td{border-color:${grid}}`,
    `.finding.info{border-color:${series[0]}}.finding.warning{border-color:${series[1]}}.finding.problem,.finding.error{border-color:${wrong}}`,
    `.info .severity{color:${series[0]}}.warning .severity{color:${series[1]}}.problem .severity,.error .severity{color:${wrong}}`,
    `summary{color:${muted}}::selection{background:${right};color:${background}}`,
  ].join('\n');
}

/** Text as it may stand in XML and in HTML: marked up characters escaped, those that XML forbids replaced. */
export function escapeMarkup(text: string): string {
  return (
    text
      // biome-ignore lint/suspicious/noControlCharactersInRegex: exactly those are forbidden by XML 1.0, section 2.2.
      .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|\p{Cs}/gu, '\ufffd')
      .replaceAll('&', '&amp;')
      .replaceAll('<', '&lt;')
      .replaceAll('>', '&gt;')
      .replaceAll('"', '&quot;')
  );
}

type Attributes = Readonly<Record<string, string | number | undefined>>;

/** An element with content that is markup already. Numbers are rounded to hundredths of a pixel. */
export function element(name: string, attributes: Attributes, ...content: readonly string[]): string {
  const written = Object.entries(attributes).flatMap(([key, value]) => {
    if (value === undefined) return [];
    return [` ${key}="${typeof value === 'number' ? Number(value.toFixed(2)) : escapeMarkup(value)}"`];
  });
  return `<${name}${written.join('')}>${content.join('')}</${name}>`;
}

/** A line of text at a point. */
export function textAt(x: number, y: number, words: string, attributes: Attributes = {}): string {
  return element('text', { x, y, ...attributes }, escapeMarkup(words));
}

/** A word cut to a number of characters, counted as people do. */
export function cut(text: string, most: number): string {
  const characters = [...text];
  return characters.length <= most ? text : `${characters.slice(0, most - 1).join('')}…`;
}

export interface HtmlColumn {
  readonly title: string;
  readonly numeric?: boolean;
}

/** A column of numbers. */
export const numeric = (title: string): HtmlColumn => ({ title, numeric: true });

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
