"""``python -m composer`` is the ``composer`` command."""

from flare_composer import main

if __name__ == "__main__":
    main()
