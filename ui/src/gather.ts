/** What was dropped or picked, sorted into uploads: DICOM files go together, others by themselves. */

const MARK = 'DICM' // at byte 128 of every DICOM file
const MARK_AT = 128

export interface Parcel {
  name: string
  files: File[]
}

/** One parcel for all DICOM files, one for each other file. */
export async function parcels(files: File[]): Promise<Parcel[]> {
  const dicom = await Promise.all(files.map(isDicom))
  const series = files.filter((_, n) => dicom[n])
  const others = files.filter((_, n) => !dicom[n])
  return [
    ...(series.length > 1 ? [{ name: `${series.length} DICOM files`, files: series }] : []),
    ...(series.length === 1 ? [{ name: series[0]!.name, files: series }] : []),
    ...others.map((file) => ({ name: file.name, files: [file] })),
  ]
}

/** Of folders only the DICOM files count: beside them lie indices, pictures and texts. */
export async function fromFolder(files: File[]): Promise<Parcel[]> {
  const dicom = await Promise.all(files.map(isDicom))
  const series = files.filter((_, n) => dicom[n])
  return parcels(series.length > 0 ? series : files)
}

/** All files in dropped folders, and those in folders in them. */
export async function within(entries: FileSystemEntry[]): Promise<File[]> {
  const found: File[] = []
  for (const entry of entries) {
    if (entry.isDirectory) {
      found.push(...(await within(await listed(entry as FileSystemDirectoryEntry))))
    } else {
      found.push(
        await new Promise<File>((resolve, reject) =>
          (entry as FileSystemFileEntry).file(resolve, reject),
        ),
      )
    }
  }
  return found
}

/** A reader gives a hundred entries at a time, and none at the end. */
async function listed(folder: FileSystemDirectoryEntry): Promise<FileSystemEntry[]> {
  const reader = folder.createReader()
  const found: FileSystemEntry[] = []
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) =>
      reader.readEntries(resolve, reject),
    )
    if (some.length === 0) return found
    found.push(...some)
  }
}

async function isDicom(file: File): Promise<boolean> {
  if (file.size < MARK_AT + MARK.length) return false
  return (await file.slice(MARK_AT, MARK_AT + MARK.length).text()) === MARK
}
