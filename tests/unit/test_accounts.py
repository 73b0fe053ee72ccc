"""The account of the embedded database, made once however many processes ask for it at once."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

NAME = "attune-tested"
ASK = f"""
import pwd
from pipelines.system import accounts
input()
accounts.ensure("{NAME}")
print(pwd.getpwnam("{NAME}").pw_uid)
"""


@pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("useradd"), reason="only root can make accounts"
)
def test_processes_that_start_at_once_agree_on_the_account() -> None:
    for _ in range(3):
        asking = [
            subprocess.Popen(
                [sys.executable, "-c", ASK],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for _ in range(4)
        ]
        try:
            for process in asking:
                assert process.stdin
                process.stdin.write("\n")
                process.stdin.flush()
            numbers = {process.communicate(timeout=60)[0].strip() for process in asking}
        finally:
            subprocess.run(["userdel", NAME], capture_output=True, check=False)
        assert len(numbers) == 1, numbers
        assert numbers.pop().isdigit()
