"""`python -m presets.build`."""

from presets.build import main

main()
