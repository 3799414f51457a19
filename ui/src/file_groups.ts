/** Groups files into uploads: all DICOM files, a header and its data file, every other file alone. */

const MAGIC = 'DICM' // at byte 128 of every DICOM file
const MAGIC_OFFSET = 128

export interface FileGroup {
  name: string
  files: File[]
}

type Endings = [header: RegExp, data: RegExp]

/** Endings of headers whose voxels are in a file of the same name, and the endings of that file. */
const PAIRS: Endings[] = [
  [/\.hdr(\.gz)?$/i, /\.img(\.gz)?$/i],
  [/\.mhd$/i, /\.z?raw$/i],
  [/\.nhdr$/i, /\.(raw(\.gz)?|gz)$/i],
]

/** A file and its folder. */
export interface LocatedFile {
  file: File
  /** Equal for the files of one folder, and different for any two folders; null: not known. */
  folder: string | null
}

/** The files of an input; the browser states their folders if a folder was chosen. */
export function located(files: Iterable<File>): LocatedFile[] {
  return [...files].map((file) => {
    const end = file.webkitRelativePath.lastIndexOf('/')
    return { file, folder: end < 0 ? null : file.webkitRelativePath.slice(0, end) }
  })
}

/** One group for all DICOM files, one for each header with its data file, and each other file. */
export async function groupFiles(files: LocatedFile[]): Promise<FileGroup[]> {
  const dicom = await Promise.all(files.map(isDicom))
  const series = files.filter((_, n) => dicom[n]).map(({ file }) => file)
  const others = files.filter((_, n) => !dicom[n])
  return [
    ...(series.length > 1 ? [{ name: `${series.length} DICOM files`, files: series }] : []),
    ...(series.length === 1 ? [{ name: series[0]!.name, files: series }] : []),
    ...pairsAndSingles(others),
  ]
}

function pairsAndSingles(files: LocatedFile[]): FileGroup[] {
  const pairs = pairsOf(files)
  const paired = new Set(pairs.flat())
  const singles = files.filter((one) => !paired.has(one)).map((one) => [one])
  return [...pairs, ...singles].map((group) => ({
    name: group[0]!.file.name,
    files: group.map(({ file }) => file),
  }))
}

/**
 * Each header with its data file. No file is in two pairs.
 *
 * Folders of several patients often hold files of the same names. So both files must be in the same
 * folder, and a header that could belong to two data files, or a data file to two headers, is left
 * alone: the server refuses it, and says why. In a known folder, upper and lower case matter only
 * where both occur.
 */
function pairsOf(files: LocatedFile[]): LocatedFile[][] {
  const pairs: LocatedFile[][] = []
  const paired = new Set<LocatedFile>()
  for (const spelled of [(stem: string) => stem, lowerCase]) {
    for (const endings of PAIRS) {
      for (const pair of unambiguous(files, endings, spelled)) {
        if (pair.some((one) => paired.has(one))) continue
        pairs.push(pair)
        for (const one of pair) paired.add(one)
      }
    }
  }
  return pairs
}

/** The headers of one kind that have exactly one data file, which has no other header. */
function unambiguous(
  files: LocatedFile[],
  endings: Endings,
  spelled: (stem: string) => string,
): LocatedFile[][] {
  const sets = new Map<string, { headers: LocatedFile[]; data: LocatedFile[] }>()
  for (const one of files) {
    const part = endings.findIndex((ending) => ending.test(one.file.name))
    if (part < 0) continue
    const stem = stemOf(one, endings)
    const key = JSON.stringify([one.folder, one.folder === null ? unnumbered(stem) : spelled(stem)])
    const set = sets.get(key) ?? { headers: [], data: [] }
    sets.set(key, set)
    set[part === 0 ? 'headers' : 'data'].push(one)
  }
  return [...sets.values()]
    .filter(({ headers, data }) => headers.length === 1 && data.length === 1)
    .map(({ headers, data }) => [...headers, ...data])
    .filter((pair) => new Set(pair.map((one) => lowerCase(stemOf(one, endings)))).size === 1)
}

/** The name of a header or data file without its ending. */
function stemOf({ file }: LocatedFile, endings: Endings): string {
  const ending = endings.find((one) => one.test(file.name))
  return ending === undefined ? file.name : file.name.replace(ending, '')
}

/** Chromium adds a number to the name of a dropped file if an earlier one has the same name. */
function unnumbered(stem: string): string {
  return lowerCase(stem).replace(/( \(\d+\))+$/, '')
}

function lowerCase(stem: string): string {
  return stem.toLowerCase()
}

/** The DICOM files of a folder, without the other files next to them, if it has any. */
export async function groupFolder(files: LocatedFile[]): Promise<FileGroup[]> {
  const dicom = await Promise.all(files.map(isDicom))
  const series = files.filter((_, n) => dicom[n])
  return groupFiles(series.length > 0 ? series : files)
}

/**
 * All files in dropped folders and their subfolders.
 *
 * A folder is identified by its position, such as `/0/2`: two dropped folders may have the same
 * path, which begins at the dropped folder.
 */
export async function filesIn(
  entries: FileSystemEntry[],
  folder: string | null = null,
): Promise<LocatedFile[]> {
  const files: LocatedFile[] = []
  for (const [n, entry] of entries.entries()) {
    if (entry.isDirectory) {
      const inside = await listed(entry as FileSystemDirectoryEntry)
      files.push(...(await filesIn(inside, `${folder ?? ''}/${n}`)))
    } else {
      const file = await new Promise<File>((resolve, reject) =>
        (entry as FileSystemFileEntry).file(resolve, reject),
      )
      files.push({ file, folder })
    }
  }
  return files
}

/** A reader returns a hundred entries at a time, and none at the end. */
async function listed(folder: FileSystemDirectoryEntry): Promise<FileSystemEntry[]> {
  const reader = folder.createReader()
  const entries: FileSystemEntry[] = []
  for (;;) {
    const batch = await new Promise<FileSystemEntry[]>((resolve, reject) =>
      reader.readEntries(resolve, reject),
    )
    if (batch.length === 0) return entries
    entries.push(...batch)
  }
}

async function isDicom({ file }: LocatedFile): Promise<boolean> {
  if (file.size < MAGIC_OFFSET + MAGIC.length) return false
  return (await file.slice(MAGIC_OFFSET, MAGIC_OFFSET + MAGIC.length).text()) === MAGIC
}
