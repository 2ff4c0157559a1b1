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
