/** Units of a side of the drawing pad, whatever its size on the screen. */
export const SIDE = 1000;

export type Point = readonly [x: number, y: number];
