"""Each kind of people clicks with the chances that its theory gives."""

import numpy as np
import pytest

from rankloop.bias.simulation_users import (
    BrowsingUsers,
    CascadeUsers,
    PositionUsers,
    SatisfiableUsers,
    TrustingUsers,
    Views,
    power_law,
)
from rankloop.errors import SettingsError

N = 200_000


def read(users, attraction, satisfaction=None, patience=None):
    """Let many people read one list and return all of their clicks."""
    width = len(attraction)
    views = Views(
        attraction=np.tile(attraction, (N, 1)).astype(float),
        satisfaction=np.tile(satisfaction or [0.5] * width, (N, 1)),
        patience=np.zeros(N) if patience is None else patience,
    )
    return users.click(views, np.random.default_rng(3))


def test_people_who_look_by_position_click_by_position():
    clicks = read(PositionUsers((1.0, 0.4, 0.7)), [0.5, 0.5, 0.2])
    assert clicks.mean(axis=0) == pytest.approx([0.5, 0.2, 0.14], abs=0.005)


def test_a_curve_that_ends_is_not_looked_past():
    assert read(PositionUsers((1.0,)), [0.5, 0.9]).mean(axis=0)[1] == 0


def test_impatient_people_look_less_deep():
    impatient = np.repeat([0.0, 1.0], N // 2)
    clicks = read(PositionUsers((1.0, 0.5), patience_sd=np.log(2)), [1.0, 1.0], patience=impatient)
    assert clicks[: N // 2, 1].mean() == pytest.approx(0.5, abs=0.01)
    assert clicks[N // 2 :, 1].mean() == pytest.approx(0.5**2, abs=0.01)


def test_trusting_people_click_the_top_without_cause():
    users = TrustingUsers((1.0, 0.5), true_click=0.9, false_click=(0.6, 0.2))
    clicks = read(users, [0.5, 0.0])
    expected = [0.9 * 0.5 + 0.6 * 0.5, 0.5 * 0.2]
    assert clicks.mean(axis=0) == pytest.approx(expected, abs=0.005)


def test_browsing_people_look_on_near_their_last_click():
    users = BrowsingUsers(reach=(1.0, 0.8, 0.6), decay=0.5)
    clicks = read(users, [0.5, 0.5, 1.0])
    assert users.examination(3)[2].tolist() == [0.6 * 0.25, 0.6 * 0.5, 0.6, 0.0]
    for above, chance in (((1, 1), 0.6), ((0, 1), 0.6), ((1, 0), 0.3), ((0, 0), 0.15)):
        rows = (clicks[:, :2] == above).all(axis=1)
        assert clicks[rows, 2].mean() == pytest.approx(chance, abs=0.01)


def test_cascade_people_click_once():
    clicks = read(CascadeUsers(), [0.5, 0.5, 0.5])
    assert clicks.sum(axis=1).max() == 1
    assert clicks.mean(axis=0) == pytest.approx([0.5, 0.25, 0.125], abs=0.005)


def test_people_who_go_on_after_a_click_click_again():
    clicks = read(CascadeUsers(go_on=(0.6, 0.0)), [0.5, 0.5])
    assert clicks[clicks[:, 0], 1].mean() == pytest.approx(0.3, abs=0.01)
    assert clicks[~clicks[:, 0], 1].mean() == pytest.approx(0.5, abs=0.01)


def test_satisfied_people_stop_and_tired_ones_too():
    clicks = read(SatisfiableUsers(persistence=0.8), [0.5, 0.5], satisfaction=[0.25, 0.5])
    assert clicks[clicks[:, 0], 1].mean() == pytest.approx(0.5 * 0.8 * 0.75, abs=0.01)
    assert clicks[~clicks[:, 0], 1].mean() == pytest.approx(0.5 * 0.8, abs=0.01)


def test_a_power_law_falls_with_the_rank():
    assert power_law(3, 0.5) == pytest.approx((1, 2**-0.5, 3**-0.5))


@pytest.mark.parametrize(
    "build",
    [
        lambda: PositionUsers((1.1,)),
        lambda: PositionUsers(()),
        lambda: PositionUsers(patience_sd=-1),
        lambda: TrustingUsers(true_click=2.0),
        lambda: BrowsingUsers(decay=-0.1),
        lambda: CascadeUsers((2.0,)),
        lambda: SatisfiableUsers(-1.0),
    ],
    ids=["curve", "no curve", "patience", "trust", "decay", "cascade", "persistence"],
)
def test_chances_that_are_none_are_refused(build):
    with pytest.raises(SettingsError):
        build()
