/** The project that this page shows: its address, and so that of every request, names it. */

const ENDING = /projects\/([a-z0-9-]+)\/$/

/** The project in the page's address; empty: it names none. */
export function projectOf(base: string): string {
  return ENDING.exec(new URL('./', base).pathname)?.[1] ?? ''
}

/** The address of the page of a project, without a fragment; empty: of no project. */
export function pageOf(project: string, base: string): string {
  const root = new URL('./', base).href.replace(ENDING, '')
  return project === '' ? root : `${root}projects/${project}/`
}
