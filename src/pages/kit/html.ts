import { element, escapeMarkup } from './element.js';
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
