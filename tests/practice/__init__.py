"""A practice installer: Harbor's layout and manners, with a real registry behind them.

`build(folder)` makes its tgz and the image it runs. Needs a docker engine, Go, and the registry program; nothing
is downloaded. Used by the tests, and by `bin/demo` where an engine is there.
"""

from tests.practice.build import PracticeMissing, build, image_name, image_there, remove_image

__all__ = ["PracticeMissing", "build", "image_name", "image_there", "remove_image"]
