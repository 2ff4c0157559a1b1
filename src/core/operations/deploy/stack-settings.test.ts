import fc from 'fast-check';
import { expect, it } from 'vitest';
import { STACK_DEFAULTS, stackChoices } from './stack-settings.js';

it('takes each choice from now, else from before, else its default', () => {
  const choices = {
    replicas: fc.integer({ min: 1, max: 32 }),
    domain: fc.constantFrom('localhost', 'a.example', 'letters.example.com'),
    rateLimit: fc.integer({ min: 1, max: 10_000 }),
    cpus: fc.integer({ min: 1, max: 64 }),
    memory: fc.constantFrom('512M', '1G', '8G'),
    bake: fc.boolean(),
    workflow: fc.boolean(),
  };
  const before = fc.option(fc.record(choices), { nil: undefined });
  fc.assert(
    fc.property(fc.record(choices, { requiredKeys: [] }), before, (given, past) => {
      expect(stackChoices(given, past)).toEqual({ ...STACK_DEFAULTS, ...past, ...given });
    }),
  );
});
