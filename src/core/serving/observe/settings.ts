import { z } from 'zod';
import { urlWithPassword } from '../../base/secret.js';

export const logSchema = z.strictObject({
  level: z
    .enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'])
    .default('info')
    .describe('The least important lines that are logged.'),
  format: z
    .enum(['json', 'text'])
    .optional()
    .describe('Lines for programs or for people; by default text on a terminal, else json.'),
});
export type LogSettings = z.output<typeof logSchema>;

export const tracingSchema = z.strictObject({
  url: urlWithPassword(z.url({ protocol: /^https?$/ }))
    .optional()
    .describe(
      'Address of an OpenTelemetry collector that takes OTLP over HTTP, such as http://127.0.0.1:4318; without it no traces are sent.',
    ),
  sampleRatio: z
    .number()
    .min(0)
    .max(1)
    .default(1)
    .describe(
      'Share of the requests without a traceparent whose traces are sent; others follow their traceparent.',
    ),
});
export type TracingSettings = z.output<typeof tracingSchema>;
