"""The least an HTTP server can do, for comparison: answer "ok", and take a credit off a balance in one statement."""

import os

from flask import Flask, Response
from sqlalchemy import create_engine, text

from webapp.orm import WRITES, configure_engine

DEBIT = text("UPDATE accounts SET available = available - 1, seq = seq + 1 WHERE id = :id AND available >= 1")

app = Flask("rivals")
engine = create_engine(os.environ["DATABASE_URL"]).execution_options(**{WRITES: True})
configure_engine(engine)


@app.get("/")
@app.get("/readyz")
def ok() -> str:
    return "ok"


@app.post("/debit/<int:account_id>")
def debit(account_id: int) -> Response:
    with engine.begin() as connection:
        taken = connection.execute(DEBIT, {"id": account_id}).rowcount
    return Response(status=201 if taken else 402)
