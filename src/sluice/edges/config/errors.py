"""What is wrong with a configuration, where, and what was expected."""

from __future__ import annotations


class ConfigError(Exception):
    """A configuration that cannot be used.

    `line` counts from 1 (0: the file as a whole). `others` are further errors found in the same go. Never holds a value
    that could be a secret.
    """

    def __init__(
        self, file: str, line: int, problem: str, expected: str = "", others: tuple[ConfigError, ...] = ()
    ) -> None:
        place = f"{file}:{line}" if line else file
        super().__init__(f"{place}: {problem}; {expected}" if expected else f"{place}: {problem}")
        self.file = file
        self.line = line
        self.problem = problem
        self.expected = expected
        self.others = others

    def every(self) -> tuple[ConfigError, ...]:
        """This error and those found with it."""
        return (self, *self.others)


def together(errors: list[ConfigError]) -> ConfigError:
    """One error that carries all, in the order of the lines."""
    first, *rest = sorted(errors, key=lambda error: (error.file, error.line))
    return ConfigError(first.file, first.line, first.problem, first.expected, tuple(rest))
