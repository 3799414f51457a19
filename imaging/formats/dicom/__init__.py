"""DICOM: instances -> frames -> stacks -> series, in; segmentations, contours and reports, out."""

import logging
import warnings

from pydicom import config

# What the libraries say of a file quotes its values: a patient's data in somebody's log.
config.settings.reading_validation_mode = config.IGNORE
logging.getLogger("pydicom").addHandler(logging.NullHandler())
logging.getLogger("pydicom").propagate = False
warnings.filterwarnings("ignore", module=r"(pydicom|highdicom|pylibjpeg)(\.|$)")
