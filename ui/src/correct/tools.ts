/** The tools of the correction, in the order of their buttons. */

import { ASSISTANT } from './assistant_tool'
import { BRUSH, ERASER } from './brush'
import { FILL } from './fill_tool'
import { INTERPOLATION } from './interpolation_tool'
import { REGION } from './region_tool'
import { SCISSORS } from './scissors_tool'
import { SHAPE } from './shape_tool'
import { THRESHOLD } from './threshold_tool'
import type { Tool } from './tool'

export const TOOLS: readonly Tool[] = [
  BRUSH,
  ERASER,
  THRESHOLD,
  FILL,
  SCISSORS,
  REGION,
  INTERPOLATION,
  SHAPE,
  ASSISTANT,
]
