"""What all tests share: how hard hypothesis looks; `--hypothesis-profile thorough` or `quick` change that."""

from hypothesis import HealthCheck, settings

settings.register_profile(
    "default",
    max_examples=100,
    deadline=None,  # no test depends on how fast the machine is
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("quick", settings.get_profile("default"), max_examples=20)
settings.register_profile("thorough", settings.get_profile("default"), max_examples=5_000)
settings.load_profile("default")
