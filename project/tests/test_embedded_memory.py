"""How much memory the embedded PostgreSQL is given."""

import pytest

from project.embedded import memory

GB = 2**30


@pytest.mark.parametrize(
    ("database_mb", "machine_gb", "limit", "setting"),
    [
        (None, 24, "max", "128MB"),
        (40, 24, "max", "128MB"),
        (300, 24, "max", "512MB"),
        (9000, 24, "max", "2048MB"),
        (9000, 4, "max", "1024MB"),
        (9000, 4, None, "1024MB"),
        (9000, 24, str(2 * GB), "512MB"),
        (9000, 4, str(64 * GB), "1024MB"),
        (9000, 24, str(GB // 4), "128MB"),
    ],
)
def test_pages_may_take_what_the_database_has_within_bounds(
    database_mb, machine_gb, limit, setting, tmp_path, monkeypatch
):
    machine = {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": machine_gb * GB // 4096}
    monkeypatch.setattr(memory.os, "sysconf", machine.__getitem__)
    monkeypatch.setattr(memory, "CGROUP_LIMIT", tmp_path / "memory.max")
    if limit is not None:
        (tmp_path / "memory.max").write_text(limit + "\n")
    if database_mb is not None:
        (tmp_path / "base" / "1").mkdir(parents=True)
        with (tmp_path / "base" / "1" / "16384").open("wb") as table:
            table.truncate(database_mb * 2**20)  # sparse: takes no room

    assert memory.shared_buffers(tmp_path) == setting
