import { expect, it } from 'vitest'
import { pageOf, projectOf } from './project'

it.each([
  ['https://scans.example.org/', 'https://scans.example.org/', ''],
  ['https://scans.example.org/projects/lung-2/', 'https://scans.example.org/', 'lung-2'],
  ['https://example.org/tessera/projects/a/#job=1', 'https://example.org/tessera/', 'a'],
])('finds the project of %s', (page, root, project) => {
  expect(projectOf(page)).toBe(project)
  expect(pageOf('', page)).toBe(root)
  expect(pageOf('b', page)).toBe(`${root}projects/b/`)
})
