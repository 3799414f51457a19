"""MGH and MGZ: volumes and masks of FreeSurfer."""
