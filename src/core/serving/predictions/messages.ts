/** To the thread that holds the database: a statement, or that it may end. */
export type ToSqliteThread =
  | {
      readonly type: 'statement';
      readonly id: number;
      readonly sql: string;
      readonly parameters: readonly unknown[];
    }
  | { readonly type: 'close' };

export interface FromSqliteThread {
  readonly id: number;
  readonly result: StatementResult | { readonly error: { readonly message: string; readonly code?: string } };
}

export interface StatementResult {
  readonly rows: readonly unknown[];
  /** Rows that were changed, by a statement that gives none. */
  readonly changes?: number;
}

export interface SqliteThreadData {
  readonly file: string;
  /** How long a statement waits for another process that writes. */
  readonly busyMs: number;
}
