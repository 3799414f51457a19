"""The assistant of corrections."""

from typing import Annotated

from imaging.assistance.assistants import ASSISTANTS
from service.resources.format_names import OneOf

AssistantName = Annotated[str, OneOf(lambda: list(ASSISTANTS))]
