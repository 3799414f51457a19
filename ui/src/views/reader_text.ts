/** Errors of the gateway are for programs, too: readers of the page cannot send requests. */

/** A route, or a member of a request that the page fills in itself. */
const OF_PROGRAMS = /\/v1\/|`(seen|draft|draft_changes|discards|reader|reviewer|adjudicates)`/

/** The sentences of an error that readers can do something with; empty if there are none. */
export function forReaders(text: string): string {
  const sentences = text.split(/(?<=[.!?])\s+/)
  return sentences.filter((one) => !OF_PROGRAMS.test(one)).join(' ')
}
