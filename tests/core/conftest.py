"""Property tests here say what holds for any value, not how quickly: a busy machine must not fail them."""

from hypothesis import settings

settings.register_profile("nopal", deadline=None)
settings.load_profile("nopal")
