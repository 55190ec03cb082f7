"""Home Assistant puts probatio in the place of voluptuous; so does the type checker."""

from probatio import *
