"""Measurements of what people get. Threads share the cores as they do under the commands."""

from app.settings import share_cores

share_cores()
