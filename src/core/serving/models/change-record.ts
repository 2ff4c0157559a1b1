/** How often what is served under one name changed or failed to, and what became known of it last. */
export class ChangeRecord {
  #served = 0;
  #failed = 0;
  #rolledBack = 0;
  #lastError: { readonly at: Date; readonly message: string } | undefined;
  #lastRollback: { readonly at: Date; readonly version: string; readonly reason: string } | undefined;

  /** How often another model became the stable one, a change failed, and a version was rolled back. */
  get counts(): { readonly served: number; readonly failed: number; readonly rolledBack: number } {
    return { served: this.#served, failed: this.#failed, rolledBack: this.#rolledBack };
  }

  /** Another model is the stable one now. */
  served(): void {
    this.#served++;
  }

  succeeded(): void {
    this.#lastError = undefined;
  }

  failed({ message }: Error): void {
    this.#failed++;
    this.#lastError = { at: new Date(), message };
  }

  rolledBack(version: string, reason: string): void {
    this.#rolledBack++;
    this.#lastRollback = { at: new Date(), version, reason };
  }

  toJSON() {
    return {
      reloads: this.#served,
      ...(this.#lastRollback && { lastRollback: this.#lastRollback }),
      ...(this.#lastError && { lastError: this.#lastError }),
    };
  }
}
