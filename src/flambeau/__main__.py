"""`python -m flambeau`: a PyTorch program by its file or `-m`, or else a command."""

import sys

from .alias.run import is_program, main


def run() -> None:
    """Run the program that the command line names, or the `flambeau` command."""
    if is_program(sys.argv[1:]):
        main(sys.argv[1:])
    else:
        from .cli import main as command

        command()


if __name__ == "__main__":
    run()
