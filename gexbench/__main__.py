"""`python -m gexbench` is the `gexbench` command."""

from gexbench.cli.app import main

main()
