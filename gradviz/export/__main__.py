"""`python -m gradviz.export`: see the package."""

from gradviz.export import main

if __name__ == "__main__":
    main()
