"""MetaImage: volumes and masks of ITK, SimpleITK and 3D Slicer."""
