/** How the scans of the form fit the models, as the gateway compares them. */

import * as api from './api'
import type { ModelFit, Scan } from './schemas'

export class ModelFits {
  /** Scan -> its fits, the best first; null while they are loaded; empty if they cannot be. */
  private readonly known = new Map<string, ModelFit[] | null>()

  constructor(private readonly onChange: () => void) {}

  /** Loads what is not known yet of these scans. */
  load(scans: Scan[]): void {
    for (const { id } of scans) {
      if (this.known.has(id)) continue
      this.known.set(id, null)
      void this.fetch(id)
    }
  }

  /** Null while they are loaded. */
  of(scan: Scan): ModelFit[] | null {
    return this.known.get(scan.id) ?? null
  }

  private async fetch(id: string): Promise<void> {
    this.known.set(id, await api.fits(id).catch(() => []))
    this.onChange()
  }
}
