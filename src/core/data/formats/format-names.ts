/** The formats in the box that can be imported. They stand apart from their readers, because commands ask for the names alone. */
export const SOURCE_FORMATS = ['idx', 'folder', 'csv', 'imagefolder', 'strokes', 'parquet'] as const;
export type SourceFormat = (typeof SOURCE_FORMATS)[number];
