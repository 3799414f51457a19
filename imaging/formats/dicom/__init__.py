"""Reads DICOM (instances -> frames -> stacks -> series); writes masks and reports as DICOM."""

import logging
import warnings

from pydicom import config

# pydicom's warnings and log lines quote values of a file, which are patient data.
config.settings.reading_validation_mode = config.IGNORE
logging.getLogger("pydicom").addHandler(logging.NullHandler())
logging.getLogger("pydicom").propagate = False
warnings.filterwarnings("ignore", module=r"(pydicom|highdicom)(\.|$)")
