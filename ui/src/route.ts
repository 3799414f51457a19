/** What the page shows, stored in the URL, so that a reload or a shared link shows the same. */

export type Route = { page: 'start' } | { page: 'models' } | { page: 'job'; id: string }

export function read(hash: string = location.hash): Route {
  const query = new URLSearchParams(hash.replace(/^#/, ''))
  if (query.has('models')) return { page: 'models' }
  const id = query.get('job')
  return id !== null && /^[A-Za-z0-9_-]{1,64}$/.test(id) ? { page: 'job', id } : { page: 'start' }
}

export function hashOf(route: Route): string {
  if (route.page === 'job') return `#job=${route.id}`
  return route.page === 'models' ? '#models' : '#new'
}

export function go(route: Route): void {
  location.hash = hashOf(route)
}
