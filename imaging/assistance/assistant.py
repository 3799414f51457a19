"""The interface of assistants."""

from typing import Protocol

from imaging.assistance.question import Mask, Question


class Assistant(Protocol):
    """One method that refines a mask from strokes.

    It is given the whole question each time and keeps nothing, so that a method which keeps a
    session elsewhere (nnInteractive's server: an image, then one interaction after the other) has
    to send what is new to it, and can begin again from the mask and the strokes at any time.
    """

    @property
    def name(self) -> str:
        """Its name in the API."""

    def refine(self, question: Question) -> Mask:
        """The new mask of the label in the box. All strokes are obeyed; without a stroke that
        contradicts the mask, it is the mask."""
