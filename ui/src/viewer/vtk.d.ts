/** Parts of vtk.js that come without types. */

declare module '@kitware/vtk.js/Filters/General/ImageMarchingCubes.js' {
  import type vtkImageData from '@kitware/vtk.js/Common/DataModel/ImageData.js'
  import type vtkPolyData from '@kitware/vtk.js/Common/DataModel/PolyData.js'

  interface ImageMarchingCubes {
    setInputData: (image: vtkImageData) => void
    getOutputData: () => vtkPolyData
  }

  const factory: {
    newInstance: (initial: { contourValue: number; computeNormals: boolean }) => ImageMarchingCubes
  }
  export default factory
}
