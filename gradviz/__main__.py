"""`python -m gradviz` is the command `gradviz`."""

from gradviz.command import main

main()
