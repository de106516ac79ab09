"""What the tests of contours and results start from; files that need another scene or loop have their own."""

import pytest
from mrml_scene import new_scene
from traced_loop import add_loop


@pytest.fixture
def kept(tmp_path):
    return new_scene(tmp_path)


@pytest.fixture
def loop(kept):
    return add_loop(kept)
