/** Wires the page: worklist, new segmentation, one job on screen. */

import * as api from './api'
import * as automation from './automation'
import { element } from './element'
import { fromFolder, parcels, within } from './gather'
import { helpCard } from './help'
import icon from './icon.svg'
import { type Keys, listen } from './keys'
import * as route from './route'
import { JobView } from './views/job'
import { ListView } from './views/list'
import { StartView } from './views/start'
import { Worklist } from './worklist'

const worklist = new Worklist()
const list = new ListView(worklist)
const start = new StartView(worklist)
const view = new JobView(worklist, (scan) => {
  start.addKnown(scan)
  route.go({ page: 'start' })
})
const help = helpCard()
const lost = element(
  'div.lost',
  { role: 'status', hidden: true },
  'The service does not answer; trying again by itself.',
)

function show(): void {
  const wanted = route.read()
  worklist.selected = wanted.page === 'job' ? wanted.id : null
  start.root.hidden = wanted.page === 'job'
  view.root.hidden = wanted.page !== 'job'
  if (wanted.page === 'job') void view.open(wanted.id)
  else view.close()
  list.render()
}

/** The job after (or before) the one on screen, as the worklist shows them. */
function step(by: 1 | -1): void {
  const jobs = list.listed
  const here = route.read() // the page itself follows an instant later
  const at = jobs.findIndex((job) => here.page === 'job' && job.id === here.id)
  const next = at < 0 ? jobs[0] : jobs[at + by]
  if (next !== undefined) route.go({ page: 'job', id: next.id })
}

function keys(): Keys {
  const everywhere: Keys = {
    j: () => step(1),
    k: () => step(-1),
    n: () => route.go({ page: 'start' }),
    '?': () => help.showModal(),
  }
  if (view.root.hidden) return everywhere
  const views = Object.fromEntries(
    ['1', '2', '3', '4', '5'].map((n) => [n, () => view.stage.setViewByKey(n)]),
  )
  return {
    ...everywhere,
    ...views,
    a: () => void view.verdict.give('accepted'),
    r: () => void view.verdict.give('rejected'),
    m: () => view.stage.toggleMask(),
    o: () => view.stage.toggleOutline(),
    '[': () => view.stage.changeOpacity(-10),
    ']': () => view.stage.changeOpacity(10),
    '+': () => view.stage.viewer?.zoom(1.25),
    '=': () => view.stage.viewer?.zoom(1.25),
    '-': () => view.stage.viewer?.zoom(1 / 1.25),
    '0': () => view.stage.reset(),
    ArrowUp: () => view.stage.viewer?.scroll(1),
    ArrowDown: () => view.stage.viewer?.scroll(-1),
  }
}

function top(): HTMLElement {
  return element(
    'header.top',
    {},
    element(
      'a.brand',
      { href: '#new', 'aria-label': 'Tessera, new segmentation' },
      element('img', { src: icon, alt: '', width: 22, height: 22 }),
      'Tessera',
    ),
    element('span.sub', {}, 'segmentation review'),
    lost,
    element('a.button', { href: '#new', title: 'New segmentation (N)' }, 'New segmentation'),
    element(
      'button.quiet',
      {
        type: 'button',
        'aria-label': 'Keys and mouse',
        title: 'Keys and mouse (?)',
        onclick: () => help.showModal(),
      },
      '?',
    ),
  )
}

function foot(): HTMLElement {
  return element(
    'footer.foot',
    {},
    element('strong', {}, 'Not for clinical use.'),
    element('span', {}, ' Masks are suggestions for research; a reader judges every one.'),
    element(
      'span.links',
      {},
      element('a', { href: './docs' }, 'API'),
      element('a', { href: './licences.txt' }, 'Licences'),
    ),
  )
}

/** Files may be dropped anywhere. */
function acceptDrops(): void {
  let depth = 0
  const mark = (by: number): void => {
    depth = Math.max(0, depth + by)
    document.body.classList.toggle('dragging', depth > 0)
  }
  const files = (event: DragEvent): boolean => event.dataTransfer?.types.includes('Files') ?? false
  window.addEventListener('dragenter', (event) => files(event) && mark(1))
  window.addEventListener('dragleave', (event) => files(event) && mark(-1))
  window.addEventListener('dragover', (event) => files(event) && event.preventDefault())
  window.addEventListener('drop', (event) => {
    if (!files(event)) return
    event.preventDefault()
    mark(-depth)
    const items = [...event.dataTransfer!.items].filter((item) => item.kind === 'file')
    const entries = items.map((item) => item.webkitGetAsEntry())
    const folders = entries.filter((entry): entry is FileSystemEntry => entry?.isDirectory ?? false)
    const dropped = items
      .filter((_, n) => !entries[n]?.isDirectory)
      .map((item) => item.getAsFile())
      .filter((file) => file !== null)
    void parcels(dropped).then((found) => start.add(found))
    if (folders.length > 0) {
      void within(folders).then(fromFolder).then((found) => start.add(found))
    }
    route.go({ page: 'start' })
  })
}

async function offerModels(): Promise<void> {
  try {
    view.models = await api.models()
    start.offer(view.models)
  } catch (error) {
    start.offer(api.problemOf(error))
    window.setTimeout(() => void offerModels(), 4000)
  }
}

document
  .querySelector('#page')!
  .append(
    top(),
    element('main.house', {}, list.root, element('div.room', {}, start.root, view.root)),
    foot(),
    help,
  )
worklist.onChange(() => {
  lost.hidden = worklist.reachable
})
window.addEventListener('hashchange', show)
automation.offer(view)
acceptDrops()
listen(keys)
await Promise.all([offerModels(), worklist.refresh()])
show()
