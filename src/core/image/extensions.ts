/** Endings of the names of image files, also of those that are not read: they are refused by name, and not passed over. */
export const IMAGE_EXTENSIONS = [
  ...['png', 'jpg', 'jpeg', 'webp', 'gif', 'tif', 'tiff', 'avif', 'svg'],
  ...['bmp', 'heic', 'heif', 'jxl', 'jp2', 'ppm', 'pgm', 'pbm'],
];
