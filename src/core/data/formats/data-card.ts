import { formatCount } from '../../base/text.js';
import type { ExportSource } from './source.js';

/** The README of a data set on Hugging Face: its columns and splits as YAML, then a few words for people. */
export async function dataCard(source: ExportSource): Promise<string> {
  const { stringify } = await import('yaml');
  const { name, classes, preprocessing, splits } = source.manifest;
  const { width, height, channels } = preprocessing;
  const counts = source.splits.map((split) => `${formatCount(splits[split]!.count)} in ${split}`);
  return `---
${stringify(frontMatter(source)).trimEnd()}
---

# ${name}

Images of ${classes.length} classes, ${width}x${height} pixels, ${channels === 1 ? 'grey' : 'colour'}: ${counts.join(', ')}. Exported by roble.
`;
}

function frontMatter({ manifest, splits, hasGroups }: ExportSource): Record<string, unknown> {
  return {
    task_categories: ['image-classification'],
    dataset_info: {
      features: [
        { name: 'image', dtype: 'image' },
        { name: 'label', dtype: { class_label: { names: Object.fromEntries(manifest.classes.entries()) } } },
        ...(hasGroups ? [{ name: 'group', dtype: 'string' }] : []),
      ],
      splits: splits.map((split) => ({ name: split, num_examples: manifest.splits[split]!.count })),
    },
    configs: [
      {
        config_name: 'default',
        data_files: splits.map((split) => ({ split, path: `data/${split}-*` })),
      },
    ],
  };
}
