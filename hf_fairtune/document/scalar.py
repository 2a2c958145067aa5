"""What an argument of a run may be, as JSON, and which strings are names of groups."""

from typing import Annotated

Scalar = str | int | float | bool | None
Argument = Scalar | list[Scalar]

# The name of a group, which a reader sees in words.
GROUP = "group"
GroupName = Annotated[str, GROUP]
