"""`python -m agentsys`: the command line."""

from agentsys.cli.main import main

if __name__ == "__main__":
    main()
