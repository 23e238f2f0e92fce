"""Properties are judged by their answers, never by the clock of a shared machine."""

from hypothesis import settings

settings.register_profile("no-clock", deadline=None)
settings.load_profile("no-clock")
