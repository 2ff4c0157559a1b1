/** The magic numbers of IDX files of unsigned bytes; the last byte is the number of dimensions. */
export const LABELS_MAGIC = 0x00000801;
export const GREY_MAGIC = 0x00000803;
export const COLOUR_MAGIC = 0x00000804;
