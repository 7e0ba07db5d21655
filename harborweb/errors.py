"""How every room says no.

Imports nothing of ours: every room may use it.
"""


class Problem(Exception):
    """Something the user can understand and act on.

    `message` says what happened and why, `advice` what to do; both are whole,
    translated sentences without secrets. `field` names the form field the
    problem belongs to, empty when it belongs to the page.
    """

    def __init__(self, message: str, advice: str = "", *, field: str = "") -> None:
        super().__init__(message)
        self.message = str(message)
        self.advice = str(advice)
        self.field = field

    def __str__(self) -> str:
        return f"{self.message} {self.advice}".strip()
