/** The gateway's bodies under the names that the page uses, and the parts of a report. */

import type { DoubtOut, JobOut, ModelOut, Problem as ProblemOut, ReviewOut } from './api_types'

export type {
  AccountOut as Account,
  AssignmentOut as Assignment,
  BatchOutcomeOut as BatchOutcome,
  BatchReviewIn as NewBatchReview,
  BatchReviewOut as BatchReview,
  Choice,
  ComparisonOut as Comparison,
  DeliveryOut as Delivery,
  DoubtOut as Doubt,
  DownloadOut as Download,
  DraftOut as Draft,
  DraftsOut as Drafts,
  FormatOut as Format,
  JobCountsOut as JobCounts,
  JobIn as NewJob,
  JobOut as Job,
  JobPage,
  JobState,
  LabelComparisonOut as LabelComparison,
  LabelOut as Label,
  ModelFitOut as ModelFit,
  PeerOut as Peer,
  ReaderAgreementOut as ReaderAgreement,
  Reason,
  RelatedScanOut as RelatedScan,
  RelatedScansOut as RelatedScans,
  RemoteSeries as ArchiveSeries,
  ReviewIn as NewReview,
  ReviewOut as Review,
  ScanOut as Scan,
  ScanPage,
  ScansOut as Scans,
  ScanUsesOut as ScanUses,
  SecondReadingOut as SecondReading,
  SecondReadingsIn as NewSecondReadings,
  SecondReadingsOut as SecondReadings,
  SessionOut as Session,
  SignInOut as SignIn,
  TilesOut as Tiles,
  TrainingOut as Training,
  TrainingPage,
  TrainingPreviewOut as TrainingPreview,
  TrainingResultOut as TrainingResult,
  UnusualSizeOut as UnusualSize,
  UploadedMaskOut as UploadedMask,
  ViewerOut as Viewer,
  ViewersOut as Viewers,
} from './api_types'

/** A model that is no longer installed has no card. */
export type Model = Omit<ModelOut, 'card'> & { card?: ModelOut['card'] }
export type Verdict = ReviewOut['verdict']
export type Point = [number, number, number]

export interface Problem extends ProblemOut {
  /** The last part of its type, such as `several-scans`. */
  kind?: string
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

/** The labels of a mask that was uploaded with its scan, and where it comes from. */
export interface UploadedLabels {
  format: string
  /** MANUAL, SEMIAUTOMATIC or AUTOMATIC, as far as the file says. */
  algorithms: string[]
  labels: { number: number; name: string; color: string }[]
}

export interface Report extends ModelRun {
  /** Of a mask that was uploaded with its scan. */
  uploaded?: UploadedLabels
  /** The models that a combined model is made of; missing in reports of earlier versions. */
  parts?: ModelRun[]
  /** The coarse model that found the box in which the model ran. */
  box_found_by?: ModelRun | null
  exact: boolean
  tiling: { kind: 'exact' | 'one pass' | 'windows' | 'parts' | 'none'; tiles: number }
  seconds: { total?: number }
  warnings: string[]
  /** Why the mask may be wrong; missing in reports of earlier versions. */
  doubts?: DoubtOut[]
  /** Why a scan could not be compared with the training scans; missing in reports of earlier versions. */
  uncompared?: string[]
  measurements: {
    labels: Measurement[]
    instances: { count: number } | null
    objects?: Measurement[]
  }
}

export function finished(job: JobOut): boolean {
  return job.state !== 'queued' && job.state !== 'running'
}
