#!/usr/bin/env python
"""Nopal's command line: `manage.py serve` starts the gateway."""

import os
import sys

from django.core.management import execute_from_command_line

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gatewayapp.settings")
    execute_from_command_line(sys.argv)
