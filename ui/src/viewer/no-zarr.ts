/**
 * Replaces `zarrita`, which NiiVue loads for a format that Tessera never sends: without it the page
 * is 1.4 MB smaller and runs no WebAssembly.
 */

function refuse(): never {
  throw new Error('This page does not support Zarr.')
}

export const get = refuse
export const open = refuse
export const root = refuse
export const slice = refuse

export class FetchStore {
  constructor() {
    refuse()
  }
}
