import { Errors, Flags } from '@oclif/core';

/** A flag whose value is a number, such as `0.003` or `1e-6`; oclif has whole numbers only. */
export const numberFlag = Flags.custom<number>({
  async parse(text) {
    const value = Number(text);
    if (text.trim() === '' || Number.isNaN(value))
      throw new Errors.CLIError(`Expected a number but received: ${text}`);
    return value;
  },
});
