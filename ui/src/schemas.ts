/** The types of the gateway's requests and responses. */

export type JobState = 'queued' | 'running' | 'succeeded' | 'failed' | 'cancelled'
export type Verdict = 'accepted' | 'corrected' | 'rejected'
export type Point = [number, number, number]

/** RFC 9457 problem details. */
export interface Problem {
  title: string
  status: number
  detail: string
  expected: string
  hint: string
  /** The last part of its type, such as `several-scans`. */
  kind?: string
  /** The scans of an upload that contains several. */
  choices?: Choice[]
}

/** One of several scans in an upload. */
export interface Choice {
  series?: string
  stack?: number
  /** Number of the part (time point, frame, component, page) in the file, from 1. */
  volume?: number
  name: string
  slices: number
  rows: number
  columns: number
  localizer: boolean
}

export interface Scan {
  id: string
  name: string
  format: string
  dimension: 2 | 3
  /** (c, i, j, k) or (c, row, column). */
  shape: number[]
  dtype: string
  spacing_mm: number[] | null
  bytes: number
  warnings: string[]
  created_at: string
}

/** Another system that results can be sent to. */
export interface Peer {
  name: string
  /** Whether series can be searched and fetched. */
  search: boolean
}

/** A series in an archive, by DICOM keyword. */
export interface ArchiveSeries {
  SeriesInstanceUID: string
  PatientID: string
  StudyDate: string
  StudyDescription: string
  Modality: string
  SeriesDescription: string
  NumberOfSeriesRelatedInstances: number | null
}

export interface Delivery {
  to: string
  format: string
  state: 'waiting' | 'sent' | 'failed'
  error: Problem | null
  /** The review whose corrected mask is sent; null: the job's own mask. */
  review: string | null
}

/** The scans of one upload, and the files that contain no scan. */
export interface Scans {
  scans: Scan[]
  refused: { name: string; problem: Problem }[]
}

export interface Job {
  id: string
  state: JobState
  model: string
  model_version: string
  /** Channel name -> scan id, first channel first. */
  scans: Record<string, string>
  scan_name: string
  priority: number
  attempt: number
  progress: { tiles_done: number; tiles_total: number; fraction: number; preparing: boolean }
  /** The part of the installation that the job waits for because it is unavailable. */
  waiting_for: string | null
  /** The queue that the job waits in. */
  queue: string
  place_in_queue: number | null
  /** Whether the job waits although no running worker serves its queue. */
  no_worker: boolean
  eta: string | null
  created_at: string
  started_at: string | null
  finished_at: string | null
  error: Problem | null
  verdict: Verdict | null
  /** The format in which the mask is stored; null without a mask. */
  mask_format: string | null
}

/** A file format that the service supports. */
export interface Format {
  name: string
  /** The name that people read. */
  title: string
  /** Dimensions of the scans that can be uploaded in it; empty if none can. */
  scan_dimensions: number[]
}

/** A file of a finished job. */
export interface Download {
  kind: 'mask' | 'report'
  /** Name of the format. */
  format: string
  title: string
  /** Path and query, from the root of the service. */
  url: string
  /** Whether it can be sent to an archive: by default, on request, or (null) never. */
  delivery: 'default' | 'on request' | null
}

export interface JobPage {
  jobs: Job[]
  next_cursor: string | null
}

export interface ScanPage {
  scans: Scan[]
  next_cursor: string | null
}

export interface NewJob {
  scan?: string
  scans?: Record<string, string>
  model: string
  priority: number
}

export interface Label {
  value: number
  name: string
  /** #rrggbb */
  color: string
}

export interface Model {
  name: string
  version: string
  title: string
  description: string
  dimension: 2 | 3
  channels: string[]
  labels: Label[]
  /** Whether the mask numbers objects instead of containing label values. */
  instances: boolean
  exact: boolean
  licence: string
  intended_use: string
}

export interface Review {
  id: string
  verdict: Verdict
  comment: string
  reviewer: string
  created_at: string
  /** null: the review has no corrected mask. */
  mask_format: string | null
}

export interface NewReview {
  verdict: 'accepted' | 'rejected'
  comment: string
  reviewer: string
}

/** The measurements of one label or one object. */
export interface Measurement {
  value: number
  name?: string
  voxels?: number
  volume_ml?: number | null
  area_px?: number | null
  area_mm2?: number | null
  centroid_mm?: number[] | null
  centroid_voxel?: number[] | null
}

/** How a model of a report ran. */
export interface ModelRun {
  model: { name: string; version: string; sha256: string }
  device: string
  precision: string
}

export interface Report extends ModelRun {
  /** The models that a combined model is made of; missing in reports of earlier versions. */
  parts?: ModelRun[]
  /** The coarse model that found the box in which the model ran. */
  box_found_by?: ModelRun | null
  exact: boolean
  tiling: { kind: 'exact' | 'one pass' | 'windows' | 'parts' | 'none'; tiles: number }
  seconds: { total?: number }
  warnings: string[]
  measurements: {
    labels: Measurement[]
    instances: { count: number } | null
    objects?: Measurement[]
  }
}

export function finished(job: Job): boolean {
  return job.state !== 'queued' && job.state !== 'running'
}
