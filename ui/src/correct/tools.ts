/** The tools of the correction, in the order of their buttons. */

import { BRUSH, ERASER } from './brush'
import type { Tool } from './tool'

export const TOOLS: readonly Tool[] = [BRUSH, ERASER]
