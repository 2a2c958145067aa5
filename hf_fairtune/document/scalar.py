"""What an argument of a run may be, as JSON."""

Scalar = str | int | float | bool | None
Argument = Scalar | list[Scalar]
