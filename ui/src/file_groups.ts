/** Groups files into uploads: all DICOM files together, every other file alone. */

const MAGIC = 'DICM' // at byte 128 of every DICOM file
const MAGIC_OFFSET = 128

export interface FileGroup {
  name: string
  files: File[]
}

/** One group for all DICOM files, one for each other file. */
export async function groupFiles(files: File[]): Promise<FileGroup[]> {
  const dicom = await Promise.all(files.map(isDicom))
  const series = files.filter((_, n) => dicom[n])
  const others = files.filter((_, n) => !dicom[n])
  return [
    ...(series.length > 1 ? [{ name: `${series.length} DICOM files`, files: series }] : []),
    ...(series.length === 1 ? [{ name: series[0]!.name, files: series }] : []),
    ...others.map((file) => ({ name: file.name, files: [file] })),
  ]
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
