import { Flags } from '@oclif/core';

/** A flag whose value is a list of words with commas between them. */
export const listFlag = Flags.custom<string[]>({
  parse: async (text) =>
    text
      .split(',')
      .map((word) => word.trim())
      .filter((word) => word !== ''),
});
