/** NiiVue, configured to review masks: hard mask edges, no logs, no keys of its own. */

import { DRAG_MODE, Niivue, type NVConfigOptions } from '@niivue/niivue'

const GRID = 2 // NiiVue's MULTIPLANAR_TYPE and SHOW_RENDER are not exported
const ALWAYS = 1

const CROSSHAIR = 1.5 // pixels, whatever the zoom

const OPTIONS: Partial<NVConfigOptions> = {
  logLevel: 'silent', // its messages contain header texts
  backColor: [0.02, 0.025, 0.035, 1],
  crosshairColor: [0.37, 0.7, 0.9, 0.75],
  crosshairWidthUnit: 'mm',
  crosshairGap: 4,
  fontColor: [0.93, 0.8, 0.45, 1],
  fontMinPx: 14,
  fontSizeScaling: 0.25,
  showAllOrientationMarkers: true,
  isOrientCube: true,
  multiplanarLayout: GRID,
  multiplanarShowRender: ALWAYS,
  multiplanarPadPixels: 4,
  dragAndDropEnabled: false,
  clipPlaneHotKey: '',
  cycleClipPlaneHotKey: '',
  viewModeHotKey: '',
  mouseEventConfig: {
    leftButton: { primary: DRAG_MODE.crosshair, withShift: DRAG_MODE.pan },
    rightButton: DRAG_MODE.windowing,
    centerButton: DRAG_MODE.pan,
  },
}

export class Scene extends Niivue {
  constructor() {
    super(OPTIONS)
  }

  /** Draws, and draws again if the crosshair has the wrong thickness. */
  // biome-ignore lint/suspicious/noConfusingVoidType: as in NiiVue's own declaration
  override drawScene(): string | void {
    const result = super.drawScene()
    const tile = this.screenSlices.find(
      (slice) => slice.fovMM[0] !== undefined && slice.axCorSag < 3,
    )
    if (tile === undefined || this.volumes.length === 0) return result
    const millimetres = Math.abs(tile.fovMM[0]! / tile.leftTopWidthHeight[2]!) // of one pixel
    const wanted = CROSSHAIR * window.devicePixelRatio * millimetres
    if (!(Math.abs(this.opts.crosshairWidth / wanted - 1) > 0.05)) return result
    this.opts.crosshairWidth = wanted
    if (this.crosshairs3D !== null) this.crosshairs3D.mm![0] = NaN // forces a new one
    return super.drawScene()
  }

  /** Does nothing for a hidden canvas, which has no size. */
  override resizeListener(): void {
    if (this.canvas !== null && this.canvas.parentElement!.clientWidth > 0) super.resizeListener()
  }

  /** Interpolates the scan, but not the mask, which has no values between labels. */
  override updateInterpolation(layer: number, isForceLinear = false): void {
    const smooth = this.opts.isNearestInterpolation
    this.opts.isNearestInterpolation = smooth || layer > 0
    super.updateInterpolation(layer, isForceLinear && layer === 0)
    this.opts.isNearestInterpolation = smooth
  }
}
