"""The folder is the list: what every room that is a catalogue shares."""

from __future__ import annotations

import pickle

import pytest

from forescale import laws
from forescale.catalogue import Room
from forescale.errors import UnknownName
from forescale.laws import Law

ROOM = Room[Law]("forescale.laws", "LAW")


def test_a_room_lists_its_files_and_gives_what_they_hold() -> None:
    assert "chinchilla" in ROOM.names()
    assert list(ROOM.names()) == sorted(ROOM.names())
    assert not [n for n in ROOM.names() if n.startswith("_")]
    assert all(ROOM.get(n).name == n for n in ROOM.names())
    assert laws.names() == ROOM.names()


def test_dashes_and_underscores_are_the_same() -> None:
    assert ROOM.get("data-power") is ROOM.get("data_power")


def test_a_misspelt_name_is_answered_with_the_one_meant() -> None:
    with pytest.raises(UnknownName, match="there is no law 'chinchila'; did you mean 'chinchilla'"):
        ROOM.get("chinchila")


def test_a_rooms_functions_travel_to_other_processes() -> None:
    assert pickle.loads(pickle.dumps(laws.get))("chinchilla").name == "chinchilla"
