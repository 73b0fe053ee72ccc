"""`attune mcp`: the tools for assistants, over the standard streams."""

from __future__ import annotations


def mcp() -> None:
    """Give an assistant on this machine tools to search, read and ask your documents (MCP).

    It speaks the Model Context Protocol on its standard streams until they close. Add the command to
    a desktop client. A running server offers the same at /mcp, for keys.
    """
    from app import settings
    from app.log import start_log
    from app.services import open_services
    from app.web.api.mcp import server_of

    config = settings.load()
    start_log(config, "mcp")
    with open_services(config, pool_size=4) as services:
        server_of(services).run("stdio")
