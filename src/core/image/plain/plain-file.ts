import type { Orientation } from './exif.js';
import type { Surface, Workspace } from './workspace.js';

/** A file whose header was read and that a decoder of this folder takes. */
export interface PlainFile {
  /** As it is stored. */
  readonly width: number;
  readonly height: number;
  readonly orientation: Orientation;
  /**
   * Microseconds, about, that decoding takes.
   *
   * @param shrink by how much the picture is made smaller afterwards; a decoder may do a part of it
   */
  work(shrink: number): number;
  /** Undefined for a damaged file, which the general decoder judges. */
  decode(space: Workspace, shrink: number): Surface | undefined;
}
