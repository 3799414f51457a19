/** NiiVue, bent to what reading a mask needs: hard mask edges, no logs, no hot keys of its own. */

import { DRAG_MODE, type NVConfigOptions, Niivue } from '@niivue/niivue'

const GRID = 2 // NiiVue's MULTIPLANAR_TYPE and SHOW_RENDER are not exported
const ALWAYS = 1

const CROSSHAIR = 0.6 // percent of the scan's width

const OPTIONS: Partial<NVConfigOptions> = {
  logLevel: 'silent', // its messages hold header texts
  backColor: [0.02, 0.025, 0.035, 1],
  crosshairColor: [0.37, 0.7, 0.9, 0.75],
  crosshairWidth: CROSSHAIR,
  crosshairWidthUnit: 'percent',
  crosshairGap: 4,
  fontColor: [0.68, 0.74, 0.82, 1],
  fontMinPx: 14,
  fontSizeScaling: 0.25,
  showAllOrientationMarkers: true,
  isRadiologicalConvention: true,
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

  /** Pans and zooms the slices; the crosshair stays as thin on screen as it was. */
  place(pan: readonly number[], zoom: number): void {
    this.scene.pan2Dxyzmm = [pan[0]!, pan[1]!, pan[2]!, zoom]
    this.opts.crosshairWidth = CROSSHAIR / zoom
    if (this.crosshairs3D !== null) this.crosshairs3D.mm![0] = NaN // to be made anew
    this.drawScene()
  }

  /** A canvas that is out of sight has no size to draw on. */
  override resizeListener(): void {
    if (this.canvas !== null && this.canvas.parentElement!.clientWidth > 0) super.resizeListener()
  }

  /** The scan is drawn smoothly; a mask has no half labels, so its voxels stay hard. */
  override updateInterpolation(layer: number, isForceLinear = false): void {
    const smooth = this.opts.isNearestInterpolation
    this.opts.isNearestInterpolation = smooth || layer > 0
    super.updateInterpolation(layer, isForceLinear && layer === 0)
    this.opts.isNearestInterpolation = smooth
  }
}
