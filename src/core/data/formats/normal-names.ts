import { distinctNames, normalName } from '../../base/names.js';
import type { SourceItem } from './sample.js';

/** What a reader gives, with the names of classes and groups in the form in which they are kept. */
export async function* withNormalNames(items: AsyncIterable<SourceItem>): AsyncGenerator<SourceItem> {
  for await (const item of items) yield normalized(item);
}

function normalized(item: SourceItem): SourceItem {
  if ('classes' in item) return { classes: distinctNames(item.classes.map(normalName)) };
  if (!('picture' in item)) return item;
  const { label, group } = item;
  return {
    ...item,
    label: typeof label === 'string' ? normalName(label) : label,
    ...(group !== undefined && { group: normalName(group) }),
  };
}
