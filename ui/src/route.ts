/** What the page shows, stored in the URL, so that a reload or a shared link shows the same. */

export type Route = { page: 'start' } | { page: 'job'; id: string }

export function read(hash: string = location.hash): Route {
  const id = new URLSearchParams(hash.replace(/^#/, '')).get('job')
  return id !== null && /^[A-Za-z0-9_-]{1,64}$/.test(id) ? { page: 'job', id } : { page: 'start' }
}

export function hashOf(route: Route): string {
  return route.page === 'job' ? `#job=${route.id}` : '#new'
}

export function go(route: Route): void {
  location.hash = hashOf(route)
}
