"""`python -m teachtext`: the command line, also for launchers that start modules."""

from teachtext.cli.main import main

if __name__ == "__main__":
    main()
