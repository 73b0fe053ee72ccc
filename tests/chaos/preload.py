"""
Modules that every process of a run needs, imported once. Processes are forked from a server with
these modules, which takes milliseconds instead of seconds.

Nothing here may start a thread or compute with torch, because neither survives a fork.
"""

import logging

import alembic.command
import sentence_transformers
import sqlalchemy
import torch
from transformers import BertModel

import app.actions.versions
import app.services
import app.worker.process
import pipelines.answering.components
import pipelines.answering.extracts.extract

__all__ = [
    "BertModel",
    "alembic",
    "app",
    "pipelines",
    "sentence_transformers",
    "sqlalchemy",
    "torch",
]

# It warns at every try to connect while the database is down.
logging.getLogger("psycopg.pool").setLevel(logging.CRITICAL)
