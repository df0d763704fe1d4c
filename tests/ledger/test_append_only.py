from sqlalchemy import inspect


def test_every_table_is_there(engine):
    assert {"accounts", "entries", "postings", "grants"} <= set(inspect(engine).get_table_names())
