#!/usr/bin/env python
"""Runs Django's commands for this project; holds no logic of its own."""

import os
import sys


def main() -> None:
    """Hand the command line to Django; a setting that can't work ends it with its sentence."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "medialib.settings")
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
