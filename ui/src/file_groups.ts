/** Groups files into uploads: all DICOM files, a header and its data file, every other file alone. */

const MAGIC = 'DICM' // at byte 128 of every DICOM file
const MAGIC_OFFSET = 128

export interface FileGroup {
  name: string
  files: File[]
}

/** Endings of headers whose voxels are in a file of the same name, and the endings of that file. */
const PAIRS: [RegExp, RegExp][] = [
  [/\.hdr(\.gz)?$/i, /\.img(\.gz)?$/i],
  [/\.mhd$/i, /\.z?raw$/i],
  [/\.nhdr$/i, /\.(raw(\.gz)?|gz)$/i],
]

/** One group for all DICOM files, one for each header with its data file, and each other file. */
export async function groupFiles(files: File[]): Promise<FileGroup[]> {
  const dicom = await Promise.all(files.map(isDicom))
  const series = files.filter((_, n) => dicom[n])
  const others = files.filter((_, n) => !dicom[n])
  return [
    ...(series.length > 1 ? [{ name: `${series.length} DICOM files`, files: series }] : []),
    ...(series.length === 1 ? [{ name: series[0]!.name, files: series }] : []),
    ...pairsAndSingles(others),
  ]
}

function pairsAndSingles(files: File[]): FileGroup[] {
  const groups: FileGroup[] = []
  for (const file of files) {
    const beside = dataFileOf(file, files)
    if (beside === undefined) continue
    groups.push({ name: file.name, files: [file, beside] })
  }
  const grouped = new Set(groups.flatMap((group) => group.files))
  const singles = files.filter((file) => !grouped.has(file))
  return [...groups, ...singles.map((file) => ({ name: file.name, files: [file] }))]
}

/** The file with the voxels of a header, by their names. */
function dataFileOf(header: File, files: File[]): File | undefined {
  for (const [ending, dataEnding] of PAIRS) {
    if (!ending.test(header.name)) continue
    const stem = header.name.replace(ending, '').toLowerCase()
    return files.find(
      (file) =>
        dataEnding.test(file.name) && file.name.replace(dataEnding, '').toLowerCase() === stem,
    )
  }
  return undefined
}

/** The DICOM files of a folder, without the other files next to them, if it has any. */
export async function groupFolder(files: File[]): Promise<FileGroup[]> {
  const dicom = await Promise.all(files.map(isDicom))
  const series = files.filter((_, n) => dicom[n])
  return groupFiles(series.length > 0 ? series : files)
}

/** All files in dropped folders and their subfolders. */
export async function filesIn(entries: FileSystemEntry[]): Promise<File[]> {
  const files: File[] = []
  for (const entry of entries) {
    if (entry.isDirectory) {
      files.push(...(await filesIn(await listed(entry as FileSystemDirectoryEntry))))
    } else {
      files.push(
        await new Promise<File>((resolve, reject) =>
          (entry as FileSystemFileEntry).file(resolve, reject),
        ),
      )
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

async function isDicom(file: File): Promise<boolean> {
  if (file.size < MAGIC_OFFSET + MAGIC.length) return false
  return (await file.slice(MAGIC_OFFSET, MAGIC_OFFSET + MAGIC.length).text()) === MAGIC
}
