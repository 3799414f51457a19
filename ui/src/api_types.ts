/** Made by scripts/api-types from the OpenAPI description of the gateway; not edited. */

/**
 * What a principal may do in its project; the value is its name in settings and logs.
 */
export type Permission =
  | 'public'
  | 'scans:read'
  | 'scans:write'
  | 'scans:delete'
  | 'jobs:read'
  | 'jobs:create'
  | 'jobs:cancel'
  | 'jobs:assign'
  | 'results:read'
  | 'reviews:read'
  | 'reviews:write'
  | 'readings:manage'
  | 'readings:unblind'
  | 'models:read'
  | 'trainings:manage'
  | 'archives:search'
  | 'archives:pull'
  | 'deliveries:read'
  | 'deliveries:write'
  | 'webhooks:read'
  | 'webhooks:write'
  | 'keys:manage'
  | 'accounts:manage'
  | 'service:metrics'
  | 'service:logs'
  | 'audit:read'
  | 'retention:manage'
/**
 * How somebody shows who they are.
 */
export type SignInMethod = 'password' | 'oidc' | 'proxy'
/**
 * What somebody is in a project, from the fewest permissions to all.
 */
export type ProjectRole = 'viewer' | 'uploader' | 'reader' | 'operator' | 'administrator'
/**
 * Why a mask is rejected; the value is its name in the API and in the database.
 */
export type Reason =
  | 'missed-part'
  | 'leak'
  | 'wrong-side'
  | 'wrong-model'
  | 'image-quality'
  | 'other'
  | 'merged-or-split'
/**
 * What became of an assignment.
 */
export type Assigned = 'done' | 'changed' | 'not-found'
/**
 * Kinds of events.
 */
export type AuditAction =
  | 'sign-in'
  | 'sign-out'
  | 'lock-out'
  | 'view'
  | 'upload'
  | 'order'
  | 'review'
  | 'correction'
  | 'delivery'
  | 'deletion'
  | 'key-change'
  | 'denied-attempt'
  | 'association'
  | 'configuration'
  | 'gap'
/**
 * What became of it.
 */
export type AuditOutcome = 'success' | 'denied' | 'failed'
/**
 * Kinds of objects.
 */
export type AuditObject =
  | ''
  | 'scan'
  | 'job'
  | 'batch'
  | 'review'
  | 'batch-review'
  | 'upload'
  | 'session'
  | 'training'
  | 'model'
  | 'peer'
  | 'webhook'
  | 'webhook-message'
  | 'account'
  | 'key'
  | 'project'
  | 'dicom-caller'
  | 'legal-hold'
  | 'retention-rule'
  | 'retention-report'
  | 'backup'
  | 'audit-trail'
  | 'log'
  | 'lost-events'
/**
 * From when on the time is counted.
 */
export type Basis = 'creation' | 'last-review' | 'last-use'
/**
 * What became of a job in a batch review.
 */
export type Outcome =
  | 'done'
  | 'newer-review'
  | 'reviewed'
  | 'doubted'
  | 'second-reading'
  | 'draft'
  | 'unfinished'
  | 'not-found'
/**
 * What a doubt is about.
 */
export type DoubtKind =
  | 'modality'
  | 'body-part'
  | 'spacing'
  | 'extent'
  | 'values'
  | 'colour'
  | 'orientation'
  | 'reference'
  | 'empty'
/**
 * What a hold covers, with all that belongs to it.
 */
export type HoldKind = 'scan' | 'patient' | 'project'
/**
 * The state of a job.
 */
export type JobState = 'queued' | 'running' | 'succeeded' | 'failed' | 'cancelled'
/**
 * How far a second reading is.
 */
export type ReadingState = 'open' | 'adjudicate' | 'complete'
/**
 * The order of a list of jobs.
 */
export type JobSort = 'newest' | 'oldest' | 'priority' | 'suspicion'
/**
 * What is measured; the value is its name in the API and in the database.
 */
export type MeasurementKind = 'length' | 'angle' | 'rectangle' | 'ellipse' | 'probe'
/**
 * The state of a message.
 */
export type MessageState = 'waiting' | 'delivered' | 'dead'
/**
 * What a scan has in common with another one; the first that holds.
 */
export type Relation = 'frame' | 'study' | 'subject' | 'job' | 'none'
/**
 * Why something went.
 */
export type ReportKind = 'rules' | 'erasure'
/**
 * Kinds of data that rules are about.
 */
export type RetentionKind =
  'scans' | 'masks' | 'previews' | 'drafts' | 'uploads' | 'inbox' | 'audit'
/**
 * What a review is in the second reading of its job; see `jobs.second_reading`.
 */
export type Role = 'reading' | 'surplus' | 'adjudication'
/**
 * What a running training does.
 */
export type TrainingPhase =
  'collecting' | 'reading' | 'training' | 'evaluating' | 'exporting' | 'verifying' | 'storing'
/**
 * How a finished job was judged.
 */
export type Verdict = 'to_review' | 'accepted' | 'corrected' | 'rejected'
/**
 * What a message reports.
 */
export type WebhookEvent =
  | 'job.succeeded'
  | 'job.failed'
  | 'job.cancelled'
  | 'batch.finished'
  | 'reading.requested'
  | 'reading.disagreed'
  | 'reading.completed'

/**
 * Every body by its name.
 */
export interface Bodies {
  AccountOut: AccountOut
  AgreementOut: AgreementOut
  Assigned: Assigned
  AssignedJobIn: AssignedJobIn
  AssigneeIn: AssigneeIn
  AssignmentOut: AssignmentOut
  AssignmentsIn: AssignmentsIn
  AssignmentsOut: AssignmentsOut
  AuditAction: AuditAction
  AuditEventOut: AuditEventOut
  AuditObject: AuditObject
  AuditOutcome: AuditOutcome
  AuditPage: AuditPage
  Basis: Basis
  BatchIn: BatchIn
  BatchOut: BatchOut
  BatchOutcomeOut: BatchOutcomeOut
  BatchReadingIn: BatchReadingIn
  BatchReviewIn: BatchReviewIn
  BatchReviewOut: BatchReviewOut
  Choice: Choice
  ComparedMaskOut: ComparedMaskOut
  ComparisonOut: ComparisonOut
  DeliveriesIn: DeliveriesIn
  DeliveryOut: DeliveryOut
  DoubtKind: DoubtKind
  DoubtOut: DoubtOut
  DownloadOut: DownloadOut
  DraftIn: DraftIn
  DraftOut: DraftOut
  DraftsOut: DraftsOut
  EstimateOut: EstimateOut
  FormatOut: FormatOut
  Health: Health
  HoldIn: HoldIn
  HoldKind: HoldKind
  HoldOut: HoldOut
  HoldsOut: HoldsOut
  JobCountsOut: JobCountsOut
  JobIn: JobIn
  JobOut: JobOut
  JobPage: JobPage
  JobSort: JobSort
  JobState: JobState
  KeyIn: KeyIn
  KeyOut: KeyOut
  KeyPage: KeyPage
  LabelChangeOut: LabelChangeOut
  LabelComparisonOut: LabelComparisonOut
  LabelMapIn: LabelMapIn
  LabelOut: LabelOut
  MeasurementIn: MeasurementIn
  MeasurementKind: MeasurementKind
  MeasurementOut: MeasurementOut
  MessageState: MessageState
  ModelFitOut: ModelFitOut
  ModelOut: ModelOut
  NewKeyOut: NewKeyOut
  NewPasswordIn: NewPasswordIn
  OptionsIn: OptionsIn
  Outcome: Outcome
  OverlapOut: OverlapOut
  PasswordChangeIn: PasswordChangeIn
  PeerOut: PeerOut
  Permission: Permission
  Problem: Problem
  ProgressOut: ProgressOut
  ProjectRole: ProjectRole
  ProjectRoleOut: ProjectRoleOut
  PullIn: PullIn
  ReadMeasurementOut: ReadMeasurementOut
  ReaderAgreementOut: ReaderAgreementOut
  ReadingProgressOut: ReadingProgressOut
  ReadingState: ReadingState
  Ready: Ready
  Reason: Reason
  RefusedOut: RefusedOut
  RelatedScanOut: RelatedScanOut
  RelatedScansOut: RelatedScansOut
  Relation: Relation
  RemoteSeries: RemoteSeries
  ReportKind: ReportKind
  ResentOut: ResentOut
  RetentionKind: RetentionKind
  RetentionReportOut: RetentionReportOut
  RetentionReportPage: RetentionReportPage
  RetentionRuleOut: RetentionRuleOut
  RetentionRulesOut: RetentionRulesOut
  RetentionTallyOut: RetentionTallyOut
  ReviewIn: ReviewIn
  ReviewMeasurementsOut: ReviewMeasurementsOut
  ReviewOut: ReviewOut
  ReviewedJobIn: ReviewedJobIn
  Role: Role
  RoleIn: RoleIn
  ScanOut: ScanOut
  ScanPage: ScanPage
  ScanUsesOut: ScanUsesOut
  ScansOut: ScansOut
  SecondReadingIn: SecondReadingIn
  SecondReadingOut: SecondReadingOut
  SecondReadingRequest: SecondReadingRequest
  SecondReadingsIn: SecondReadingsIn
  SecondReadingsOut: SecondReadingsOut
  SessionOut: SessionOut
  SetupLinkOut: SetupLinkOut
  SignInIn: SignInIn
  SignInMethod: SignInMethod
  SignInOut: SignInOut
  SignInsOut: SignInsOut
  SignedInOut: SignedInOut
  TilesOut: TilesOut
  TrainingIn: TrainingIn
  TrainingOut: TrainingOut
  TrainingPage: TrainingPage
  TrainingPhase: TrainingPhase
  TrainingPreviewOut: TrainingPreviewOut
  TrainingProgressOut: TrainingProgressOut
  TrainingResultOut: TrainingResultOut
  UnblindingOut: UnblindingOut
  UnusualSizeOut: UnusualSizeOut
  UploadIn: UploadIn
  UploadedIn: UploadedIn
  UploadedMaskOut: UploadedMaskOut
  UserIn: UserIn
  UserOut: UserOut
  UsersOut: UsersOut
  Verdict: Verdict
  VerdictPairOut: VerdictPairOut
  ViewerIn: ViewerIn
  ViewerOut: ViewerOut
  ViewersOut: ViewersOut
  WebhookEvent: WebhookEvent
  WebhookMessageOut: WebhookMessageOut
  WebhookMessagePage: WebhookMessagePage
  WebhookOut: WebhookOut
  WindowOut: WindowOut
  WithdrawnOut: WithdrawnOut
}
/**
 * Who calls, and what the caller may do.
 */
export interface AccountOut {
  /**
   * Name under which the caller's reviews are stored; empty without accounts, where each request
   * states a name.
   */
  reader: string
  /**
   * The project that the caller sees. All lists are of this project alone.
   */
  project: string
  /**
   * What the caller may do there.
   */
  permissions: Permission[]
  /**
   * Login name of a user who signed in on the page; empty for any other caller.
   */
  login: string
  /**
   * How that user signed in; null for any other caller.
   */
  method: SignInMethod | null
  /**
   * The projects that the caller may choose, by name; empty without accounts. A key belongs to
   * one.
   */
  projects: ProjectRoleOut[]
}
/**
 * A project of somebody, and the role there.
 */
export interface ProjectRoleOut {
  name: string
  role: ProjectRole
}
/**
 * What the readings of a job have in common. Lists are in the order of the readings.
 */
export interface AgreementOut {
  /**
   * Ids of the reviews that were compared.
   */
  reviews: string[]
  /**
   * Names; `Reader 1` and so on while they are hidden.
   */
  readers: string[]
  verdicts: ('accepted' | 'corrected' | 'rejected')[]
  /**
   * Reasons of a rejection that all readers gave.
   */
  common_reasons: Reason[]
  /**
   * For each pair of readers.
   */
  overlaps: OverlapOut[]
  /**
   * Whether the verdicts are equal, and corrected masks overlap enough.
   */
  agree: boolean
}
/**
 * How much the masks of two readers overlap. A reader who accepted has the model's mask.
 */
export interface OverlapOut {
  /**
   * Place of a reader in the list of readings, from 0.
   */
  first: number
  second: number
  /**
   * Dice over all labels; null if one of them rejected the mask, or a mask cannot be read.
   */
  dice: number | null
  /**
   * Label value -> Dice, for labels in at least one of the masks.
   */
  labels: {
    [k: string]: number
  }
}
/**
 * A job that is assigned together with others.
 */
export interface AssignedJobIn {
  id: string
  /**
   * As in a single assignment.
   */
  seen?: string | null
}
/**
 * Who is to judge a job.
 */
export interface AssigneeIn {
  /**
   * Name of the reader, as in reviews; empty for nobody.
   */
  assignee: string
  /**
   * The reader that the caller knows, empty for none. If the job has another one, the request is
   * refused with a 409. Null: the job is assigned in any case.
   */
  seen?: string | null
}
/**
 * What became of the assignment of one job.
 */
export interface AssignmentOut {
  job: string
  outcome: Assigned
}
/**
 * Who is to judge several jobs.
 */
export interface AssignmentsIn {
  /**
   * Name of the reader, as in reviews; empty for nobody.
   */
  assignee: string
  /**
   * @minItems 1
   * @maxItems 1000
   */
  jobs: AssignedJobIn[]
}
/**
 * What became of each assignment, in the order of the request.
 */
export interface AssignmentsOut {
  results: AssignmentOut[]
}
/**
 * Who did what to which object, when, from where, and with what result.
 */
export interface AuditEventOut {
  time: string
  action: AuditAction
  outcome: AuditOutcome
  /**
   * Name of the account, key or background task.
   */
  principal: string
  object_kind: AuditObject
  object_id: string
  /**
   * IP address of the caller, `AE title@address` of a DICOM node, or empty.
   */
  origin: string
  /**
   * Name of the peer that received a delivery.
   */
  destination: string
  /**
   * Id of the request, as in the log. A request that concerns several objects has an event for
   * each.
   */
  request: string
}
/**
 * One page of events.
 */
export interface AuditPage {
  events: AuditEventOut[]
  next_cursor?: string | null
}
/**
 * Several jobs that are created together.
 */
export interface BatchIn {
  name?: string
  /**
   * @minItems 1
   * @maxItems 10000
   */
  jobs: JobIn[]
  /**
   * Puts a share of the jobs up for a second reading; needs the permission `readings:manage`.
   */
  second_reading?: BatchReadingIn | null
}
/**
 * One segmentation: `scan`, or `scans` by channel name for a model with several channels.
 */
export interface JobIn {
  scan?: string | null
  scans?: {
    [k: string]: string
  } | null
  model: string
  priority?: number
  options?: OptionsIn
  /**
   * Puts the job up for a second reading; needs the permission `readings:manage`.
   */
  second_reading?: SecondReadingIn | null
}
/**
 * How to run a job; `tile` is the largest tile per axis that the network may read.
 *
 * `mask` uses a label map that was uploaded as a scan, and that `scans` names under `mask`, beside
 * the scans of the channels. It must be on the grid of the first channel's scan. `crop`: only the
 * bounding box of its labels and a margin are segmented. `start`: it is the result, which a
 * reviewer then corrects; no network runs.
 */
export interface OptionsIn {
  device?: 'auto' | 'cpu' | 'openvino' | 'cuda' | 'tensorrt'
  precision?: 'auto' | 'fp32'
  tile?: number[] | null
  mask?: ('crop' | 'start') | null
  /**
   * Margin around the box with `crop`; in pixels for an image without a pixel size.
   */
  margin_mm?: number
}
/**
 * How a mask is read by several readers.
 */
export interface SecondReadingIn {
  /**
   * How many readers judge the mask before it has a verdict.
   */
  readers?: number
  /**
   * Whether the names of the readers are shown to the reader who decides between them. They are
   * shown in any case when the second reading is complete.
   */
  show_names?: boolean
  /**
   * Readers who both corrected the mask disagree if their masks have a smaller Dice; 0: they
   * never do.
   */
  min_dice?: number
}
/**
 * Which jobs of a batch are put up for a second reading, and how they are read.
 */
export interface BatchReadingIn {
  /**
   * How many readers judge the mask before it has a verdict.
   */
  readers?: number
  /**
   * Whether the names of the readers are shown to the reader who decides between them. They are
   * shown in any case when the second reading is complete.
   */
  show_names?: boolean
  /**
   * Readers who both corrected the mask disagree if their masks have a smaller Dice; 0: they
   * never do.
   */
  min_dice?: number
  /**
   * Share of the jobs, chosen at random; at least one.
   */
  share?: number
  /**
   * Another seed chooses other jobs.
   */
  seed?: number
}
/**
 * A batch: how many of its jobs are in which state.
 */
export interface BatchOut {
  id: string
  name: string
  created_at: string
  jobs: string[]
  states: {
    [k: string]: number
  }
  fraction: number
}
/**
 * What became of one job.
 */
export interface BatchOutcomeOut {
  job: string
  outcome: Outcome
  /**
   * Id of its new review; null if it was left out.
   */
  review: string | null
}
/**
 * A verdict on the masks of many jobs.
 */
export interface BatchReviewIn {
  /**
   * @minItems 1
   * @maxItems 1000
   */
  jobs: ReviewedJobIn[]
  verdict: 'accepted' | 'rejected'
  /**
   * Why the masks are rejected; none, one or several.
   *
   * @maxItems 7
   */
  reasons?: Reason[]
  comment?: string
  /**
   * Name of the reader. A service with accounts stores the name of the account instead.
   */
  reviewer?: string
  /**
   * Whether masks are accepted that there are reasons to doubt: `doubts` or `unusual_sizes` of
   * their jobs. Without it they are left out.
   */
  with_doubts?: boolean
  /**
   * Whether the verdict replaces those that the reader has seen. Without it, jobs that have a
   * verdict are left out.
   */
  replace?: boolean
  /**
   * Whether jobs are left out of whose masks the reader has a draft with changes.
   */
  leave_drafts?: boolean
}
/**
 * A job that is reviewed together with others.
 */
export interface ReviewedJobIn {
  id: string
  /**
   * Id of the newest review that the reader knows (`review` of the job), empty for none. A job
   * that has a newer one is left out.
   */
  seen?: string
}
/**
 * What became of a batch of reviews.
 */
export interface BatchReviewOut {
  /**
   * For its withdrawal.
   */
  id: string
  /**
   * In the order of the request.
   */
  results: BatchOutcomeOut[]
}
/**
 * One of several scans in an upload: upload again with its `series`, `stack` and `volume`.
 */
export interface Choice {
  /**
   * SeriesInstanceUID; absent where the file is not DICOM.
   */
  series?: string | null
  /**
   * Number of the volume in the series, from 1; absent where the file is not DICOM.
   */
  stack?: number | null
  /**
   * Number of the part (time point, frame, component, page) in the file, from 1; absent where the
   * file is not divided in this way.
   */
  volume?: number | null
  name: string
  modality?: string
  slices: number
  rows: number
  columns: number
  localizer?: boolean
  /**
   * False for a DICOM image without a position in the patient.
   */
  positioned?: boolean
}
/**
 * A mask of a comparison.
 */
export interface ComparedMaskOut {
  job: string
  /**
   * Id of the review with the corrected mask; null: the job's own mask.
   */
  review: string | null
}
/**
 * What two masks have in common, and where they differ. Sizes are numbers of voxels.
 */
export interface ComparisonOut {
  first: ComparedMaskOut
  second: ComparedMaskOut
  /**
   * Whether labels of the same name or of the same number were compared.
   */
  matched_by: 'name' | 'number'
  /**
   * Label of the second mask -> its number in this answer, where labels are matched by name.
   */
  renumbered: {
    [k: string]: number
  }
  /**
   * Whether a mask numbers objects: all objects together were then compared, as one label.
   */
  objects: boolean
  /**
   * Volume of a voxel in ml; null for an image.
   */
  voxel_ml: number | null
  /**
   * Area of a pixel in mm²; null for a volume, and for an image without a pixel size.
   */
  voxel_mm2: number | null
  /**
   * Dice over all labels: 2 sum |A and B| / sum (|A| + |B|).
   */
  dice: number
  /**
   * Voxels with the same label in both masks.
   */
  agreement: number
  /**
   * Voxels with a label in the first mask alone.
   */
  only_first: number
  only_second: number
  /**
   * Voxels with a label in each mask, which differ.
   */
  other_label: number
  /**
   * Labels of at least one of the masks, by number.
   */
  labels: LabelComparisonOut[]
  /**
   * Voxels that differ in each slice, along each axis of the stored grid.
   */
  slices: number[][]
}
/**
 * One label in both masks.
 */
export interface LabelComparisonOut {
  /**
   * Its number in the first mask, or a free number if only the second mask has it.
   */
  value: number
  name: string
  /**
   * 2 |A and B| / (|A| + |B|).
   */
  dice: number
  /**
   * Voxels of the label in the first mask.
   */
  first: number
  second: number
  /**
   * Voxels with the label in both masks.
   */
  common: number
}
/**
 * Which results of a job to send to which peers; deliveries that were sent or failed repeat.
 */
export interface DeliveriesIn {
  /**
   * @minItems 1
   * @maxItems 20
   */
  to: string[]
  /**
   * @minItems 1
   */
  formats?: ('dicom-seg' | 'dicom-labelmap' | 'dicom-rtstruct' | 'dicom-sr')[]
  /**
   * The review whose corrected mask is sent; null: the job's own mask.
   */
  review?: string | null
}
/**
 * One object of a job's results that is sent to one peer.
 */
export interface DeliveryOut {
  id: string
  job: string
  to: string
  format: string
  state: 'waiting' | 'sent' | 'failed'
  attempts: number
  created_at: string
  /**
   * Time of the next attempt; null if there is none, or the job has not finished.
   */
  due_at: string | null
  finished_at: string | null
  /**
   * Why the delivery failed, or the error of the last attempt.
   */
  error: Problem | null
  /**
   * The review whose corrected mask is sent; null: the job's own mask.
   */
  review: string | null
  /**
   * The format that the peer accepted: `dicom-seg` for a `dicom-labelmap` that it does not store;
   * null until it is sent.
   */
  sent_as: string | null
  /**
   * Whether the peer confirmed that it keeps the object; null: it offers no storage commitment,
   * or the object is not sent yet.
   */
  commitment: ('due' | 'requested' | 'committed' | 'failed') | null
}
/**
 * RFC 9457 problem details; see `TesseraError` for `detail`, `expected` and `hint`.
 */
export interface Problem {
  type?: string
  title: string
  status: number
  detail: string
  expected?: string
  hint?: string
  instance?: string | null
  /**
   * The scans of an upload that holds several.
   */
  choices?: Choice[] | null
}
/**
 * A reason why a mask may be wrong.
 */
export interface DoubtOut {
  kind: DoubtKind
  text: string
}
/**
 * A file of a finished job.
 */
export interface DownloadOut {
  kind: 'mask' | 'report'
  format: string
  /**
   * The format's name that people read.
   */
  title: string
  /**
   * Path and query, from the root of the service.
   */
  url: string
  /**
   * Whether it can be sent to a PACS, and whether the page sends it without being asked.
   */
  delivery: ('default' | 'on request') | null
}
/**
 * Who corrects a mask, and which one.
 */
export interface DraftIn {
  /**
   * Name of the reader. A service with accounts uses the name of the account instead.
   */
  reader?: string
  /**
   * Id of the review whose corrected mask is corrected further. Null: the job's own mask.
   */
  base?: string | null
}
/**
 * A correction of a mask that is not finished.
 */
export interface DraftOut {
  /**
   * Also the id of the review that it becomes.
   */
  id: string
  job: string
  /**
   * Name of the reader.
   */
  reader: string
  /**
   * Id of the review whose corrected mask is corrected further. Null: the job's own mask.
   */
  base: string | null
  /**
   * Number of the last set of changes; 0 if there is none.
   */
  changes: number
  /**
   * How long the reader has worked on it.
   */
  seconds: number
  created_at: string
  /**
   * When it was last opened or changed.
   */
  updated_at: string
}
/**
 * The corrections that a reader has begun.
 */
export interface DraftsOut {
  drafts: DraftOut[]
}
/**
 * A value with its 95 % confidence interval.
 */
export interface EstimateOut {
  value: number
  low: number
  high: number
}
/**
 * A file format, and what it is used for.
 */
export interface FormatOut {
  name: string
  /**
   * The name that people read.
   */
  title: string
  endings: string[]
  media_type: string
  /**
   * Scans that can be uploaded in it: 2 for images, 3 for volumes; empty if none can.
   */
  scan_dimensions: number[]
  /**
   * Masks that can be downloaded in it, by the dimension of their scan; empty if none can.
   */
  mask_dimensions: number[]
  /**
   * Whether reports can be downloaded in it.
   */
  report: boolean
  /**
   * The format that the scan must have for a result in this format; None: any.
   */
  scan_format: string | null
  /**
   * Whether it can be sent to a PACS, and whether the page sends it without being asked.
   */
  delivery: ('default' | 'on request') | null
}
/**
 * Whether the service can serve.
 */
export interface Health {
  status: 'ok' | 'unavailable'
  /**
   * Part -> `ok`, or what is wrong with it.
   */
  parts?: {
    [k: string]: string
  }
}
/**
 * A legal hold in the caller's project.
 */
export interface HoldIn {
  kind: HoldKind
  /**
   * Id of the scan, or pseudonym of the patient; empty for the project.
   */
  target?: string
  /**
   * Why, without the name of a patient.
   */
  reason: string
}
/**
 * A legal hold: what it covers cannot be deleted.
 */
export interface HoldOut {
  id: string
  kind: HoldKind
  target: string
  reason: string
  set_by: string
  set_at: string
  /**
   * Null: the hold is in force.
   */
  lifted_by: string | null
  lifted_at: string | null
}
/**
 * The holds of the project, oldest first.
 */
export interface HoldsOut {
  holds: HoldOut[]
}
/**
 * How many jobs match a filter, in total and by what they have in common.
 */
export interface JobCountsOut {
  total: number
  states: {
    [k: string]: number
  }
  /**
   * `to_review`: the job has succeeded, and has no verdict.
   */
  verdicts: {
    [k: string]: number
  }
  models: {
    [k: string]: number
  }
  /**
   * DICOM modality of the first scan, where it is known.
   */
  modalities: {
    [k: string]: number
  }
  /**
   * The name in the review that gave the verdict.
   */
  reviewers: {
    [k: string]: number
  }
  /**
   * The reader who is to judge it, where one is named.
   */
  assignees: {
    [k: string]: number
  }
  /**
   * State of the second reading, of jobs that have one.
   */
  readings: {
    [k: string]: number
  }
}
/**
 * A job: its state, progress and place in the queue.
 */
export interface JobOut {
  id: string
  state: JobState
  model: string
  model_version: string
  /**
   * Channel name -> scan id, first channel first.
   */
  scans: {
    [k: string]: string
  }
  /**
   * File name of the first scan, for the worklist.
   */
  scan_name: string
  /**
   * DICOM modality of the first scan, such as CT; null if it is unknown.
   */
  modality: string | null
  /**
   * Pseudonym of the patient of the first scan; null if the scan states no patient.
   */
  subject: string | null
  /**
   * Date of its study; null if it is not known.
   */
  study_date: string | null
  priority: number
  options: OptionsIn
  batch: string | null
  /**
   * How often the job's own work has begun since it was created or retried. An attempt that ended
   * because a part was unavailable, or a worker was stopped, is not counted.
   */
  attempt: number
  progress: ProgressOut
  /**
   * The part of the installation that the job, or all workers of its queue, wait for because it
   * is unavailable: `the object store`, `the database` or `the disk`. The job continues when the
   * part is available again; the wait is no attempt. Null if the job waits for none.
   */
  waiting_for: string | null
  /**
   * The queue that the job waits in: `any` for jobs that every worker can run, otherwise the
   * hardware that its device needs.
   */
  queue: string
  /**
   * Place in its queue, 1 is next; null once the job runs.
   */
  place_in_queue: number | null
  /**
   * Whether the job waits although no running worker serves its queue.
   */
  no_worker: boolean
  /**
   * Estimated end, from measured throughput; null if there are no measurements yet, or no worker
   * that serves the job's queue.
   */
  eta: string | null
  created_at: string
  started_at: string | null
  finished_at: string | null
  error: Problem | null
  /**
   * The verdict of the latest review, or of the second reading once it is complete.
   */
  verdict: ('accepted' | 'corrected' | 'rejected') | null
  /**
   * The name in the review that gave the verdict; null without a review or a name.
   */
  reviewer: string | null
  /**
   * Id of the newest review that counts; null without one, and while readings are missing.
   */
  review: string | null
  /**
   * Name of the reader who is to judge it; null if it is nobody in particular.
   */
  assignee: string | null
  /**
   * How far the second reading is; null without one.
   */
  second_reading: ReadingProgressOut | null
  /**
   * Number of warnings in the report.
   */
  warnings: number
  /**
   * Number of `doubts` in the report: reasons why the mask may be wrong.
   */
  doubts: number
  /**
   * The labels whose size, or share that the network is not sure of, differs most from that in
   * the newest 200 accepted masks of the same model, version and project, at most ten; the one that
   * differs most comes first. Empty until 20 masks are accepted.
   */
  unusual_sizes: UnusualSizeOut[]
  /**
   * Format of GET .../mask without `format`; null while there is no mask.
   */
  mask_format: ('nifti' | 'png' | 'ome-tiff') | null
  /**
   * Whether the mask was uploaded with the scan: no model of this installation made it, and
   * `uploaded` of the report has its labels.
   */
  uploaded: boolean
  /**
   * File name of an uploaded mask, or its series; null for other jobs, or if it is not known.
   */
  uploaded_name: string | null
  /**
   * The name in reviews of who uploaded the mask; null as above, and without accounts.
   */
  uploaded_by: string | null
}
/**
 * How many tiles of a job are finished.
 */
export interface ProgressOut {
  tiles_done: number
  tiles_total: number
  /**
   * Share of finished tiles, 0 to 1.
   */
  fraction: number
  /**
   * Whether the job waits until its network is compiled, measured and checked on the worker's
   * machine. This happens once for each model and machine, and takes seconds.
   */
  preparing: boolean
}
/**
 * How far a second reading is; GET /v1/jobs/{id}/second-reading says more.
 */
export interface ReadingProgressOut {
  state: ReadingState
  /**
   * Number of readings that were given.
   */
  given: number
  /**
   * Number of readings that are wanted.
   */
  readers: number
}
/**
 * A label whose size differs from that in masks of the same model that were accepted, or a
 * label that the network is less sure of than in these.
 */
export interface UnusualSizeOut {
  /**
   * Value of the label in the mask.
   */
  label: number
  name: string
  /**
   * In `unit`; 0: the label is missing.
   */
  size: number
  /**
   * `ml` for a volume, `mm2` or `px` for an image. `share`: `size` is the share of the label's
   * voxels that the network is not sure of, as `unsure_share` in the report.
   */
  unit: string
  /**
   * Median of the size in accepted masks, in `unit`.
   */
  usual: number
  /**
   * How many times the usual size it is.
   */
  ratio: number
  /**
   * How many accepted masks have the label.
   */
  masks: number
}
/**
 * One page of the worklist.
 */
export interface JobPage {
  jobs: JobOut[]
  next_cursor?: string | null
}
/**
 * A key to create in the caller's project.
 */
export interface KeyIn {
  /**
   * What the key is for.
   */
  name: string
  /**
   * What may be done with it; null for a user's key: the role of the user.
   */
  role?: ProjectRole | null
  /**
   * The user whose key it is; null: a service uses it. A user's key never allows more than the
   * role of the user.
   */
  user?: string | null
  /**
   * Lifetime in seconds; null: it does not expire.
   */
  expires_in_s?: number | null
}
/**
 * An API key without its secret.
 */
export interface KeyOut {
  id: string
  /**
   * The beginning of the key, by which people recognise it.
   */
  prefix: string
  name: string
  /**
   * Login name of the user whose key it is; null: a service uses it.
   */
  user: string | null
  role: ProjectRole
  created_at: string
  expires_at: string | null
  revoked_at: string | null
  /**
   * To the minute; null: never.
   */
  last_used_at: string | null
}
/**
 * One page of keys.
 */
export interface KeyPage {
  keys: KeyOut[]
  next_cursor?: string | null
}
/**
 * How a correction changed a label.
 */
export interface LabelChangeOut {
  /**
   * The label number.
   */
  label: number
  /**
   * Voxels that have the label now, and did not have it before.
   */
  added: number
  /**
   * Voxels that had the label before, and do not have it now.
   */
  removed: number
}
/**
 * A label map that is a mask of a scan.
 */
export interface LabelMapIn {
  /**
   * Id of the scan that the label map was uploaded as.
   */
  mask: string
}
/**
 * A label of a model's masks.
 */
export interface LabelOut {
  value: number
  name: string
  /**
   * #rrggbb
   */
  color: string
}
/**
 * A measurement that the reader drew in the job's first scan.
 *
 * Points are in RAS+ mm in a volume, and `[column, row, 0]` in an image, where 0 is the centre of
 * the first pixel. The service computes all numbers from the points.
 */
export interface MeasurementIn {
  /**
   * Any id that the caller chooses, once in a review.
   */
  id: string
  kind: MeasurementKind
  label?: string
  /**
   * @minItems 1
   * @maxItems 4
   */
  points: number[][]
}
/**
 * A measurement of a review.
 */
export interface MeasurementOut {
  id: string
  kind: MeasurementKind
  label?: string
  /**
   * RAS+ mm in a volume, `[column, row, 0]` in an image.
   */
  points: number[][]
  /**
   * The length, angle or area; null for a probe.
   */
  size?: number | null
  /**
   * Unit of `size`; pixels for an image that states no pixel size.
   */
  unit?: 'mm' | 'mm2' | 'px' | 'px2' | 'degrees' | ''
}
/**
 * How a scan fits a model.
 */
export interface ModelFitOut {
  /**
   * Name of the model.
   */
  model: string
  /**
   * The model's channel that the scan fits best.
   */
  channel: string
  /**
   * Why the model's mask of the scan may be wrong; empty if nothing is known against it.
   */
  doubts: DoubtOut[]
  /**
   * In what the scan is like the model's training scans.
   */
  matches: DoubtKind[]
  /**
   * What the model's card states of its training scans, and the scan does not show.
   */
  unknown: DoubtKind[]
}
/**
 * A model's main facts; `card` is its complete card.
 */
export interface ModelOut {
  name: string
  version: string
  title: string
  description: string
  dimension: 2 | 3
  channels: string[]
  labels: LabelOut[]
  /**
   * Whether the mask holds object numbers instead of label values.
   */
  instances: boolean
  exact: boolean
  licence: string
  intended_use: string
  card: {
    [k: string]: unknown
  }
}
/**
 * A new API key. This is the only response that has its secret.
 */
export interface NewKeyOut {
  id: string
  /**
   * The beginning of the key, by which people recognise it.
   */
  prefix: string
  name: string
  /**
   * Login name of the user whose key it is; null: a service uses it.
   */
  user: string | null
  role: ProjectRole
  created_at: string
  expires_at: string | null
  revoked_at: string | null
  /**
   * To the minute; null: never.
   */
  last_used_at: string | null
  /**
   * The key as clients send it: `Authorization: Bearer KEY`.
   */
  key: string
}
/**
 * A password that somebody with a setup link chooses.
 */
export interface NewPasswordIn {
  /**
   * The secret of the link: `setup` in its address.
   */
  link: string
  /**
   * 15 to 1,000 characters, and not easy to guess.
   */
  password: string
}
/**
 * A new password of somebody who is signed in.
 */
export interface PasswordChangeIn {
  current: string
  /**
   * 15 to 1,000 characters, and not easy to guess.
   */
  password: string
}
/**
 * A DICOM system that scans come from and results go to.
 */
export interface PeerOut {
  name: string
  /**
   * Whether it can be searched and fetched from (DICOMweb).
   */
  search: boolean
  send: 'stow-rs' | 'c-store'
}
/**
 * What to fetch from a peer: a series, or all images of a study.
 */
export interface PullIn {
  from: string
  study?: string | null
  series?: string | null
  resample?: boolean
  deidentify?: boolean
}
/**
 * A measurement with the values of the scan, after the file's scale and offset.
 *
 * Values are null where the scan has none, as in a colour image.
 */
export interface ReadMeasurementOut {
  id: string
  kind: MeasurementKind
  label?: string
  /**
   * RAS+ mm in a volume, `[column, row, 0]` in an image.
   */
  points: number[][]
  /**
   * The length, angle or area; null for a probe.
   */
  size?: number | null
  /**
   * Unit of `size`; pixels for an image that states no pixel size.
   */
  unit?: 'mm' | 'mm2' | 'px' | 'px2' | 'degrees' | ''
  /**
   * Number of voxels, or pixels, whose centre is inside the region.
   */
  voxels?: number | null
  mean?: number | null
  /**
   * Standard deviation of the voxels inside.
   */
  sd?: number | null
  minimum?: number | null
  maximum?: number | null
  /**
   * Value of the voxel at a probe.
   */
  value?: number | null
  /**
   * Unit of the values, as `value_unit` of the scan.
   */
  value_unit?: 'HU' | ''
}
/**
 * The agreement of the first two readers, over jobs whose readings were all given.
 */
export interface ReaderAgreementOut {
  jobs: number
  /**
   * Jobs whose readings had been shown before the last one was given; they are counted, too.
   */
  not_blind: number
  to_adjudicate: number
  adjudicated: number
  /**
   * Share of jobs with equal verdicts, with the interval of Wilson (1927); null without jobs.
   */
  agreement: EstimateOut | null
  /**
   * Cohen's kappa (1960), with the interval of Fleiss, Cohen and Everitt (1969); null without
   * jobs, or if all verdicts are the same.
   */
  kappa: EstimateOut | null
  verdicts: VerdictPairOut[]
  /**
   * Jobs of which at least one of the two corrected the mask, and neither rejected it.
   */
  compared_masks: number
  /**
   * Mean Dice of these masks.
   */
  mean_dice: number | null
  min_dice: number | null
}
/**
 * How many jobs have these verdicts of the first and the second reader.
 */
export interface VerdictPairOut {
  first: 'accepted' | 'corrected' | 'rejected'
  second: 'accepted' | 'corrected' | 'rejected'
  jobs: number
}
/**
 * Whether the service can serve, and who serves.
 */
export interface Ready {
  status: 'ok' | 'unavailable'
  /**
   * Part -> `ok`, or what is wrong with it.
   */
  parts?: {
    [k: string]: string
  }
  /**
   * Of this gateway; empty for a caller who may not read jobs.
   */
  version?: string
  /**
   * Version -> its running workers. There are several versions during a rolling update.
   * Empty for a caller who may not read jobs.
   */
  workers?: {
    [k: string]: number
  }
}
/**
 * A series of an upload that cannot become a scan.
 */
export interface RefusedOut {
  name: string
  problem: Problem
}
/**
 * A scan, and what it has in common with another one.
 */
export interface RelatedScanOut {
  scan: ScanOut
  relation: Relation
}
/**
 * A stored scan. `shape` is (c, i, j, k) or (c, row, column).
 */
export interface ScanOut {
  id: string
  name: string
  format: string
  dimension: 2 | 3
  shape: number[]
  dtype: string
  spacing_mm: number[] | null
  affine: number[][]
  bytes: number
  sha256: string
  warnings: string[]
  created_at: string
  /**
   * SeriesInstanceUID of a DICOM scan.
   */
  series?: string | null
  /**
   * DICOM modality, such as CT; null if the file states none.
   */
  modality?: string | null
  /**
   * The window that a viewer starts with: the first one of a DICOM file. Null if the file states
   * none, and for a scan that an earlier version stored.
   */
  window?: WindowOut | null
  /**
   * All windows that a DICOM file states, `window` first.
   */
  windows?: WindowOut[]
  /**
   * Whether a viewer draws the smallest value white: a volume that is stored as MONOCHROME1. The
   * values of a 2D image are inverted already.
   */
  inverted?: boolean
  /**
   * Unit of the values: HU for CT, unless the file states another one. Empty if it is not known,
   * and for a scan that an earlier version stored.
   */
  value_unit?: 'HU' | ''
  /**
   * Pseudonym of the patient of a DICOM scan, the same for all scans of a patient in the project;
   * null if the file states no patient. It is the PatientID of a file that was de-identified
   * before.
   */
  subject?: string | null
  /**
   * SeriesNumber of a DICOM scan.
   */
  series_number?: number | null
  /**
   * Date of a DICOM study; null if de-identification removed or shifted it.
   */
  study_date?: string | null
  /**
   * StudyInstanceUID of a DICOM scan; null for a scan that an earlier version stored.
   */
  study?: string | null
  /**
   * FrameOfReferenceUID of a DICOM scan: positions in mm of scans that share it mean the same
   * place. Null if the file states none, and for a scan that an earlier version stored.
   */
  frame_of_reference?: string | null
  /**
   * DICOM Segmentations that came with the scan, in the response to an upload of one scan; empty
   * in other responses. If the upload has nothing else, the scan is that of the first one, which
   * was stored before.
   */
  masks?: UploadedMaskOut[]
}
/**
 * A window of grey values, in the units of GET /v1/scans/{id}/volume (PS3.3 C.11.2.1.2).
 */
export interface WindowOut {
  centre: number
  width: number
  /**
   * VOI LUT Function.
   */
  function: 'LINEAR' | 'LINEAR_EXACT' | 'SIGMOID'
  /**
   * What the file calls it, such as `BRAIN`; may be empty.
   */
  explanation: string
  /**
   * `all`: every slice states it. `most`: the slices differ, and it is the most common one.
   * `middle`: none is more common than another, and it is that of the slice in the middle.
   */
  slices: 'all' | 'most' | 'middle'
}
/**
 * A DICOM Segmentation of an upload: a mask that is stored as a finished job, or a problem.
 */
export interface UploadedMaskOut {
  /**
   * Names of its labels; none for one that is refused.
   */
  labels: string[]
  /**
   * Id of the job that holds it; it is reviewed as any other mask.
   */
  job: string | null
  /**
   * Id of its scan.
   */
  scan: string | null
  /**
   * Why it is refused.
   */
  problem: Problem | null
}
/**
 * Scans that may show the same subject, the closest relation first, then the newest.
 */
export interface RelatedScansOut {
  scans: RelatedScanOut[]
  /**
   * Whether there are more scans: ask with a part of the name.
   */
  more: boolean
}
/**
 * A series of a peer, by the keywords of its attributes; empty if the peer gives no value.
 */
export interface RemoteSeries {
  StudyInstanceUID: string
  SeriesInstanceUID: string
  PatientID: string
  PatientName: string
  StudyDate: string
  StudyDescription: string
  Modality: string
  SeriesDescription: string
  SeriesNumber: string
  BodyPartExamined: string
  NumberOfSeriesRelatedInstances: number | null
}
/**
 * How many messages are sent again.
 */
export interface ResentOut {
  resent: number
}
/**
 * What went in the project, in one run.
 */
export interface RetentionReportOut {
  id: string
  kind: ReportKind
  requested_by: string
  started_at: string
  /**
   * Null: it is at work, or was interrupted.
   */
  finished_at: string | null
  tallies: RetentionTallyOut[]
}
/**
 * What went, of one kind.
 */
export interface RetentionTallyOut {
  /**
   * A kind of rules, or what an erasure calls it.
   */
  kind: string
  number: number
  /**
   * Of the files that it named; a file that others name, too, stays.
   */
  bytes: number
  oldest: string
  newest: string
}
/**
 * One page of reports.
 */
export interface RetentionReportPage {
  reports: RetentionReportOut[]
  next_cursor?: string | null
}
/**
 * How long data of a kind is kept.
 */
export interface RetentionRuleOut {
  kind: RetentionKind
  after: Basis
  /**
   * In seconds.
   */
  keep_s: number
  set_by: string
  set_at: string
}
/**
 * The rules of the project, and that of the audit trail. Other data is kept for ever.
 */
export interface RetentionRulesOut {
  rules: RetentionRuleOut[]
}
/**
 * A radiologist's verdict on a mask.
 */
export interface ReviewIn {
  /**
   * `corrected` needs `draft` or `mask_of`. Other corrected masks are sent by MONAI Label
   * clients.
   */
  verdict: 'accepted' | 'corrected' | 'rejected'
  /**
   * Why the mask is rejected; none, one or several.
   *
   * @maxItems 7
   */
  reasons?: Reason[]
  comment?: string
  /**
   * Name of the reader. A service with accounts stores the name of the account instead.
   */
  reviewer?: string
  /**
   * Id of the newest review that the reader knows, empty for none. If there is a newer one, this
   * one is refused with the problem `newer-review`. Null: it is stored in any case.
   */
  seen?: string | null
  /**
   * Whether this verdict decides between the readings of a second reading, which the caller has
   * seen. The caller must not be one of the readers.
   */
  adjudicates?: boolean
  /**
   * Id of a review of the job whose corrected mask is right, with the verdict `corrected`. In a
   * second reading, only with `adjudicates`.
   */
  mask_of?: string | null
  /**
   * Id of the reader's draft that becomes the corrected mask, with the verdict `corrected`.
   */
  draft?: string | null
  /**
   * Number of the last set of changes of `draft` that the reader knows. If there is a later one,
   * the review is refused with the problem `draft-changed`.
   */
  draft_changes?: number | null
  /**
   * Id of the reader's draft that is deleted, because the verdict is about another mask; empty if
   * the reader has none. If the reader has another draft with changes, the review is refused with
   * the problem `draft-open`. Null: a draft stays as it is. Not with `draft`.
   */
  discards?: string | null
  /**
   * What the reader measured in the scan.
   *
   * @maxItems 100
   */
  measurements?: MeasurementIn[]
}
/**
 * All measurements of a review.
 */
export interface ReviewMeasurementsOut {
  review: string
  /**
   * Name of the reader.
   */
  reader: string
  measurements: ReadMeasurementOut[]
}
/**
 * A review of a mask.
 */
export interface ReviewOut {
  id: string
  job: string
  verdict: 'accepted' | 'corrected' | 'rejected'
  /**
   * Why the mask is rejected.
   */
  reasons: Reason[]
  comment: string
  reviewer: string
  created_at: string
  /**
   * When the reader withdrew it, so that it no longer counts; null if it stands.
   */
  withdrawn_at: string | null
  /**
   * Format of the corrected mask that GET .../reviews/{id}/mask gives; null if there is none.
   */
  mask_format: ('nifti' | 'png' | 'ome-tiff') | null
  /**
   * `reading`: one of the readings of a second reading. `surplus`: it arrived when all readings
   * were there, and changes nothing. `adjudication`: it decided between them. Null: the job had no
   * second reading.
   */
  role: Role | null
  /**
   * What the reader measured in the scan.
   */
  measurements: MeasurementOut[]
  /**
   * Id of the review whose corrected mask was corrected further. Null: the job's own mask was, or
   * it is not known, as for masks of MONAI Label clients.
   */
  base: string | null
  /**
   * How long the reader worked on the corrected mask; null if it is not known.
   */
  seconds: number | null
  /**
   * How the corrected mask differs from its base: the labels that gained or lost voxels. Empty if
   * it is not known. In a mask that numbers objects, all of them are one label.
   */
  changes: LabelChangeOut[]
}
/**
 * The role of a user in the caller's project.
 */
export interface RoleIn {
  role: ProjectRole
}
/**
 * One page of scans.
 */
export interface ScanPage {
  scans: ScanOut[]
  next_cursor?: string | null
}
/**
 * What is deleted with a scan.
 */
export interface ScanUsesOut {
  jobs: number
  /**
   * Jobs among them that are queued or running. While there are any, the scan cannot be
   * deleted.
   */
  unfinished: number
  /**
   * Reviews and corrected masks of these jobs and of the scan.
   */
  reviews: number
  /**
   * Legal holds that cover the scan. While there are any, it cannot be deleted.
   */
  holds: HoldOut[]
}
/**
 * All scans of an upload, and the series that cannot become a scan.
 */
export interface ScansOut {
  scans: ScanOut[]
  refused: RefusedOut[]
  /**
   * DICOM Segmentations of the upload.
   */
  masks?: UploadedMaskOut[]
}
/**
 * The second reading of a job.
 */
export interface SecondReadingOut {
  job: string
  state: ReadingState
  /**
   * Number of readings that are wanted.
   */
  readers: number
  /**
   * Number of readings that were given.
   */
  given: number
  /**
   * Whether the caller has given one of them.
   */
  mine: boolean
  /**
   * Whether the caller can decide between the readings.
   */
  may_adjudicate: boolean
  show_names: boolean
  min_dice: number
  /**
   * False: readings had been shown before the last one was given.
   */
  blind: boolean
  requested_by: string
  requested_at: string
  completed_at: string | null
  /**
   * Id of the review whose verdict is the job's; null while it has none.
   */
  review: string | null
  /**
   * Null while it is open.
   */
  agreement: AgreementOut | null
  unblindings: UnblindingOut[]
}
/**
 * Somebody has looked at the readings with POST .../second-reading/unblind.
 */
export interface UnblindingOut {
  reader: string
  at: string
}
/**
 * How one job is read, and who requests it.
 */
export interface SecondReadingRequest {
  /**
   * How many readers judge the mask before it has a verdict.
   */
  readers?: number
  /**
   * Whether the names of the readers are shown to the reader who decides between them. They are
   * shown in any case when the second reading is complete.
   */
  show_names?: boolean
  /**
   * Readers who both corrected the mask disagree if their masks have a smaller Dice; 0: they
   * never do.
   */
  min_dice?: number
  /**
   * Name of who requests it. A service with accounts stores the account instead.
   */
  reader?: string
}
/**
 * Which of the jobs that the query selects are put up for a second reading.
 */
export interface SecondReadingsIn {
  /**
   * How many readers judge the mask before it has a verdict.
   */
  readers?: number
  /**
   * Whether the names of the readers are shown to the reader who decides between them. They are
   * shown in any case when the second reading is complete.
   */
  show_names?: boolean
  /**
   * Readers who both corrected the mask disagree if their masks have a smaller Dice; 0: they
   * never do.
   */
  min_dice?: number
  /**
   * Name of who requests it. A service with accounts stores the account instead.
   */
  reader?: string
  /**
   * Ids of jobs, instead of those that the query selects. A job that has a second reading stays
   * as it is.
   */
  jobs?: string[] | null
  /**
   * Share of the selected jobs, chosen at random; at least one.
   */
  share?: number
  /**
   * The same jobs, share and seed choose the same jobs.
   */
  seed?: number
}
/**
 * What was put up for a second reading.
 */
export interface SecondReadingsOut {
  /**
   * Ids of the jobs that were put up.
   */
  jobs: string[]
  /**
   * Number of jobs that the request selected: those of `jobs`, or those without a second reading
   * that the query selects.
   */
  selected: number
}
/**
 * Whether somebody is signed in, and how one can sign in.
 */
export interface SessionOut {
  /**
   * Whether the service has accounts; without, nobody needs to sign in.
   */
  accounts: boolean
  /**
   * How people can sign in; empty: a proxy says who they are.
   */
  methods: SignInMethod[]
  /**
   * Name of the OpenID provider, with which people sign in at `/v1/sign-in/oidc`; null: none.
   */
  provider: string | null
  /**
   * After how many seconds without use a session ends.
   */
  idle_s: number
  /**
   * Null: nobody is signed in.
   */
  person: SignedInOut | null
}
/**
 * Who is signed in.
 */
export interface SignedInOut {
  login: string
  /**
   * Name in reviews.
   */
  name: string
  method: SignInMethod
  /**
   * By name. The page of each is at `/projects/NAME/`.
   */
  projects: ProjectRoleOut[]
}
/**
 * A link with which a user chooses a password; no other response has its secret.
 */
export interface SetupLinkOut {
  /**
   * Secret of the link. The user opens the page at `#setup=LINK&user=LOGIN`.
   */
  link: string
  expires_at: string
}
/**
 * A login name and a password.
 */
export interface SignInIn {
  login: string
  password: string
}
/**
 * A browser in which somebody is signed in.
 */
export interface SignInOut {
  id: string
  method: SignInMethod
  /**
   * IP address at the sign-in; empty: unknown.
   */
  address: string
  /**
   * Name of the browser and its system, such as `Firefox on Linux`; empty: unknown.
   */
  browser: string
  /**
   * When the person signed in.
   */
  created_at: string
  /**
   * When the person last did something there, to the minute.
   */
  used_at: string
  /**
   * When the session ends however much it is used.
   */
  expires_at: string
  /**
   * Whether the request belongs to this session.
   */
  is_own: boolean
}
/**
 * Where somebody is signed in.
 */
export interface SignInsOut {
  sessions: SignInOut[]
}
/**
 * How an image and its masks are cut into tiles, and whether this one can be read yet.
 *
 * Level `max_level` has the image's own size, and each level below is half of the one above,
 * rounded up. The tile in row r and column c of a level begins at its pixel (r x `tile_size`,
 * c x `tile_size`).
 */
export interface TilesOut {
  width: number
  height: number
  tile_size: number
  min_level: number
  max_level: number
  ready: boolean
  /**
   * Share of the tiles that are made, 0 to 1.
   */
  fraction: number
}
/**
 * A training to start.
 */
export interface TrainingIn {
  /**
   * The model that is trained further. It stays as it is.
   */
  model: string
  /**
   * Number of steps; null: the usual number.
   */
  steps?: number | null
}
/**
 * A training: its state, its progress and its result.
 */
export interface TrainingOut {
  id: string
  state: JobState
  /**
   * The parent.
   */
  model: string
  model_version: string
  /**
   * Version of the new model.
   */
  new_version: string
  /**
   * Requested number of steps; null: the usual number.
   */
  steps: number | null
  /**
   * Who started it: the name of the account, or of the caller.
   */
  requested_by: string
  /**
   * How often the training has begun since it was created or retried. An attempt that ended
   * because a part was unavailable, or a worker was stopped, is not counted.
   */
  attempt: number
  progress: TrainingProgressOut
  /**
   * The part of the installation that it waits for because it is unavailable.
   */
  waiting_for: string | null
  /**
   * Whether it waits although no running worker can train.
   */
  no_worker: boolean
  created_at: string
  started_at: string | null
  finished_at: string | null
  error: Problem | null
  /**
   * Null until it has succeeded.
   */
  result: TrainingResultOut | null
  /**
   * Since when jobs can choose the new model; null: they cannot.
   */
  published_at: string | null
  /**
   * Why the new model could not be published.
   */
  publish_error: Problem | null
}
/**
 * How far a training is.
 */
export interface TrainingProgressOut {
  /**
   * What it does; null before it begins.
   */
  phase: TrainingPhase | null
  /**
   * Steps, or cases, that are done in this phase.
   */
  step: number
  /**
   * All steps, or cases, of this phase; 0: not known yet.
   */
  total: number
  /**
   * Mean loss of the last steps.
   */
  loss: number | null
  /**
   * Estimated duration until the end of the phase.
   */
  seconds_left: number | null
  /**
   * Step of the checkpoint from which this attempt continues; 0: from the beginning, because
   * there is none on its machine; null: not known yet.
   */
  continued_from: number | null
}
/**
 * The new model beside its parent, both measured on the same held-out cases.
 */
export interface TrainingResultOut {
  /**
   * Name by which jobs choose the new model once it is published.
   */
  model: string
  version: string
  /**
   * Checksum of its network.
   */
  sha256: string
  training_cases: number
  held_out_cases: number
  /**
   * Figures of the parent: `dice` (mean of the labels), `dice_1` (of label 1), ...
   */
  before: {
    [k: string]: number
  }
  /**
   * Figures of the new model.
   */
  after: {
    [k: string]: number
  }
  /**
   * Whether the mean Dice is lower than that of the parent. Such a model is published only on
   * request.
   */
  is_worse: boolean
}
/**
 * One page of trainings, newest first.
 */
export interface TrainingPage {
  trainings: TrainingOut[]
  next_cursor?: string | null
}
/**
 * What a training of a model would learn from.
 */
export interface TrainingPreviewOut {
  model: string
  /**
   * Accepted masks that would be used: the newest verdict on each scan, of all versions of the
   * model with the same labels.
   */
  accepted: number
  /**
   * Corrected masks that would be used.
   */
  corrected: number
  /**
   * Masks to learn from,
   */
  training_cases: number
  /**
   * and their subjects.
   */
  training_subjects: number
  /**
   * Masks of other subjects, on which both models are measured,
   */
  held_out_cases: number
  /**
   * and their subjects.
   */
  held_out_subjects: number
  /**
   * Reason -> number of judged masks that are left out for it.
   */
  left_out: {
    [k: string]: number
  }
  /**
   * Whether the model can be trained once enough masks are judged: Tessera trained its
   * network.
   */
  trainable: boolean
  /**
   * Why no training can start: too few masks, or a model that cannot be trained; null: one can
   * start.
   */
  problem: Problem | null
  /**
   * Why a training would wait: no running worker can train; null: one can.
   */
  worker_problem: Problem | null
  /**
   * A training of the model that has not ended.
   */
  running: TrainingOut | null
}
/**
 * A complete upload.
 */
export interface UploadIn {
  id: string
  /**
   * SHA-256 of the sender's file, in hexadecimal; null: not compared.
   */
  sha256?: string | null
}
/**
 * The uploads to make a scan of: one file, or all files of a DICOM series.
 */
export interface UploadedIn {
  /**
   * @minItems 1
   * @maxItems 10000
   */
  uploads: UploadIn[]
}
/**
 * A user to add to the caller's project.
 *
 * A user of another project is added by the same login name and the same name.
 */
export interface UserIn {
  /**
   * Login name of the user.
   */
  login: string
  /**
   * Name in reviews, unique in the service.
   */
  name: string
  role: ProjectRole
}
/**
 * A user of the caller's project.
 */
export interface UserOut {
  login: string
  name: string
  role: ProjectRole
  /**
   * Whether the user may not use the service, in all projects.
   */
  disabled: boolean
}
/**
 * The users of the caller's project, by login name.
 */
export interface UsersOut {
  users: UserOut[]
}
/**
 * Who has a job open.
 */
export interface ViewerIn {
  /**
   * Name of the reader. A service with accounts uses the name of the account instead.
   */
  reader?: string
}
/**
 * Another page on which a job is open.
 */
export interface ViewerOut {
  /**
   * Name of the reader; empty if it is not known, or hidden by a second reading.
   */
  reader: string
  /**
   * When the page opened the job.
   */
  since: string
}
/**
 * Who has a job open, beside the caller.
 */
export interface ViewersOut {
  /**
   * Name of the caller's account, under which its reviews are stored; empty without accounts.
   */
  account: string
  /**
   * The other pages that show the job, oldest first.
   */
  others: ViewerOut[]
}
/**
 * One event for one webhook.
 */
export interface WebhookMessageOut {
  /**
   * The header `webhook-id`; the same at each attempt.
   */
  id: string
  webhook: string
  event: WebhookEvent | 'webhook.test'
  job: string | null
  batch: string | null
  state: MessageState
  /**
   * Attempts since the message was created or resent.
   */
  attempts: number
  created_at: string
  /**
   * Time of the next attempt; null if there is none.
   */
  due_at: string | null
  finished_at: string | null
  /**
   * HTTP status of the last answer; null: there was none.
   */
  status: number | null
  /**
   * Why the last attempt failed.
   */
  error: Problem | null
}
/**
 * One page of messages.
 */
export interface WebhookMessagePage {
  messages: WebhookMessageOut[]
  next_cursor?: string | null
}
/**
 * A system that is told when jobs and batches end.
 */
export interface WebhookOut {
  name: string
  events: WebhookEvent[]
  /**
   * Patterns of the names of models.
   */
  models: string[]
}
/**
 * What was withdrawn.
 */
export interface WithdrawnOut {
  /**
   * Ids of the jobs whose review was withdrawn; those that were withdrawn before are left out.
   */
  jobs: string[]
}
