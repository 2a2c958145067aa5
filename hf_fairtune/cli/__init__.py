"""The `fairtune` command, one subcommand a file."""
