#!/usr/bin/env node
import { execute } from '@oclif/core/execute';

// React draws in a third of the time, and keeps no measurements.
process.env.NODE_ENV ??= 'production';

await execute({ dir: import.meta.url });
