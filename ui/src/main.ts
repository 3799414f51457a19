/** Builds the page: worklist, new segmentation, one job on screen. */

import * as api from './api'
import * as automation from './automation'
import { CompareView } from './compare/compare_view'
import { allSettled } from './correct/open_drafts'
import { element } from './element'
import { Entry } from './entry'
import { filesIn, groupFiles, groupFolder, located } from './file_groups'
import icon from './icon.svg'
import { watchUse } from './idle'
import { listen } from './key_events'
import * as route from './route'
import { CORRECTION_SHORTCUTS, type Keys, SHORTCUTS } from './shortcuts'
import type { Controls } from './viewer/port'
import { CT_PRESETS } from './viewer/voi'
import { AccountBar } from './views/account_bar'
import { toggleFullScreen } from './views/full_screen'
import { helpDialog } from './views/help'
import { JobView } from './views/job'
import { ListView } from './views/list'
import { ModelsView } from './views/models'
import { ScanDeletion } from './views/scan_deletion'
import { StartView } from './views/start'
import { UndoBar } from './views/undo'
import { Worklist } from './worklist'

const worklist = new Worklist()
const undo = new UndoBar()
const list = new ListView(worklist, undo)
const start = new StartView(worklist)
const models = new ModelsView(() => void loadModels())
const jobView = new JobView(
  worklist,
  undo,
  (scan) => {
    start.addKnown(scan)
    route.go({ page: 'start' })
  },
  (scan) => void deletion.ask(scan),
  (job) => list.selection.askReader([job]),
)
const comparison = new CompareView()
const deletion = new ScanDeletion(leaveJob, () => void worklist.refresh())
const help = helpDialog()
const account = new AccountBar(allSettled)
const entry = new Entry(document.querySelector<HTMLElement>('#page')!, () => void returned())
const offline = element(
  'div.offline',
  { role: 'status', hidden: true },
  'No connection to the service. Trying again …',
)

function show(): void {
  const wanted = route.read()
  worklist.selected = jobOf(wanted)
  start.root.hidden = wanted.page !== 'start'
  models.show(wanted.page === 'models')
  jobView.root.hidden = wanted.page !== 'job'
  comparison.root.hidden = wanted.page !== 'compare'
  if (wanted.page !== 'job') jobView.close() // before another view loads: it frees memory
  if (wanted.page !== 'compare') comparison.close()
  if (wanted.page === 'job') void undo.waitFor(jobView.open(wanted.id))
  else if (wanted.page === 'compare') void comparison.open(wanted)
  list.render()
}

/** The job that is shown, or compared with something else. */
function jobOf(shown: route.Route): string | null {
  if (shown.page === 'job') return shown.id
  return shown.page === 'compare' ? shown.first.job : null
}

/** Compares the mask on screen. */
function compare(): void {
  const { job } = jobView
  if (job?.state === 'succeeded') route.go(route.comparing({ job: job.id, review: null }))
}

/** Returns when the page shows no job any more. */
function leaveJob(): Promise<void> {
  return new Promise((left) => {
    window.addEventListener('hashchange', () => left(), { once: true }) // after `show`
    route.go({ page: 'start' })
  })
}

/** Opens the job after (or before) the one on screen, in the order of the worklist. */
async function step(by: 1 | -1): Promise<void> {
  const here = route.read() // the page follows a moment later
  worklist.selected = jobOf(here)
  const next = await worklist.neighbour(by).catch(() => undefined)
  if (next !== undefined) route.go({ page: 'job', id: next.id })
}

/** Opens the first job of the worklist that waits for a review. */
async function openFirst(): Promise<void> {
  const first = await worklist.nextUnreviewed('').catch(() => undefined)
  if (first !== undefined) route.go({ page: 'job', id: first.id })
}

/** While 3D is alone on screen, there are no slices to go through. */
function turns(viewer: Controls): Keys {
  return {
    ArrowLeft: () => viewer.rotate(-1, 0),
    ArrowRight: () => viewer.rotate(1, 0),
    ArrowUp: () => viewer.rotate(0, -1),
    ArrowDown: () => viewer.rotate(0, 1),
  }
}

/** Keys that change how the image is shown. */
function viewKeys(): Keys {
  const { stage } = jobView
  const presets = Object.fromEntries(
    CT_PRESETS.map(({ key }) => [`Shift+${key}`, () => stage.setPresetByKey(key)]),
  )
  return {
    ...presets,
    m: () => stage.mask.toggleMask(),
    f: () => stage.mask.toggleFill(),
    o: () => stage.mask.toggleOutline(),
    i: () => stage.toggleInverted(),
    w: () => stage.nextWindow(),
    q: () => stage.toggleCrosshair(),
    x: toggleFullScreen,
    '[': () => stage.mask.changeOpacity(-10),
    ']': () => stage.mask.changeOpacity(10),
    '+': () => stage.viewer?.zoom(1.25),
    '=': () => stage.viewer?.zoom(1.25),
    '-': () => stage.viewer?.zoom(1 / 1.25),
    '0': () => stage.reset(),
    'Shift+0': () => stage.resetWindow(),
    ArrowUp: () => stage.viewer?.scroll(-1),
    ArrowDown: () => stage.viewer?.scroll(1),
    PageUp: () => stage.viewer?.scroll(-10),
    PageDown: () => stage.viewer?.scroll(10),
    ...(stage.viewer?.view === 'volume' ? turns(stage.viewer) : {}),
  }
}

const CORRECTION_KEYS = [...CORRECTION_SHORTCUTS, ...SHORTCUTS]

function keys(): Keys {
  const everywhere: Keys = {
    j: () => void step(1),
    k: () => void step(-1),
    n: () => route.go({ page: 'start' }),
    '?': () => help.showModal(),
    u: () => undo.undo(),
  }
  if (!comparison.root.hidden) return { '?': everywhere['?']!, ...comparison.keys() }
  if (jobView.root.hidden) return { ...everywhere, s: () => void openFirst() }
  const digits = ['1', '2', '3', '4', '5', '6', '7', '8']
  const views = Object.fromEntries(digits.map((n) => [n, () => jobView.stage.setViewByKey(n)]))
  return {
    ...everywhere,
    ...views,
    ...viewKeys(),
    y: compare,
    ...jobView.measurements.measuring.keys(),
    ...jobView.verdict.keys(),
  }
}

/** While a mask is corrected, its keys, and those that change how the image is shown. */
function correctionKeys(): Keys {
  const showHelp = (): void => {
    help.showModal()
    help.querySelector('h3')?.scrollIntoView()
  }
  return { '?': showHelp, ...viewKeys(), ...jobView.correction.keys() }
}

/** Leads past the worklist and the tools, to what the reader does on this view. */
function skip(event: Event): void {
  event.preventDefault() // the page's address names the job
  const job = jobView.verdict.root.hidden ? jobView.root : jobView.verdict.root
  const [open] = [comparison.root, models.root, start.root].filter((view) => !view.hidden)
  const to = open ?? job
  to.tabIndex = -1
  to.focus()
}

function top(): HTMLElement {
  return element(
    'header.top',
    {},
    element('a.skip', { href: '#main', onclick: skip }, 'Skip the worklist'),
    element(
      'a.brand',
      { href: '#new', 'aria-label': 'Tessera, new segmentation' },
      element('img', { src: icon, alt: '', width: 22, height: 22 }),
      'Tessera',
    ),
    element('span.sub', {}, 'segmentation and review'),
    offline,
    models.link,
    account.root,
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
    element('span', {}, ' For research only. A reader must review every mask.'),
    element(
      'span.links',
      {},
      element('a', { href: './docs' }, 'API'),
      element('a', { href: './licences.txt' }, 'Licences'),
    ),
  )
}

/** Accepts files that are dropped anywhere on the page. */
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
    void groupFiles(located(dropped)).then((groups) => start.add(groups))
    if (folders.length > 0) {
      void filesIn(folders)
        .then(groupFolder)
        .then((groups) => start.add(groups))
    }
    route.go({ page: 'start' })
  })
}

/** The person who was signed in is so again: what is on screen stays. */
async function returned(): Promise<void> {
  await Promise.all([loadModels(), worklist.refresh()])
  if (jobView.root.hidden) show()
}

async function loadModels(): Promise<void> {
  try {
    jobView.models = comparison.models = await api.models()
    start.showModels(jobView.models)
    models.showModels(jobView.models)
  } catch (error) {
    start.showProblem(api.problemOf(error))
    if (entry.isClosed) return
    window.setTimeout(() => void loadModels(), 4000)
  }
}

const layout = element(
  'main.layout',
  {},
  list.root,
  element('div.content', {}, start.root, models.root, jobView.root, comparison.root),
)
document
  .querySelector('#page')!
  .append(
    ...[top(), layout, entry.root, foot(), undo.root, help, deletion.root],
    ...list.selection.dialogs,
  )
worklist.onChange(() => {
  offline.hidden = worklist.reachable
})
window.addEventListener('hashchange', show)
automation.install(jobView, comparison)
acceptDrops()
listen(
  () => {
    if (entry.isClosed) return {}
    return jobView.correction.active ? correctionKeys() : keys()
  },
  () => (jobView.correction.active ? CORRECTION_KEYS : SHORTCUTS),
)
watchUse()
if (await entry.open()) {
  await Promise.all([loadModels(), worklist.refresh()])
  show()
}
