"""Leaving work to a worker, and looking after jobs, on the command line. No worker runs here."""

from __future__ import annotations

import json
import subprocess

from tests import versions as made
from tests.serving import ATTUNE


def test_work_is_left_to_a_worker(attune, tmp_path):
    """Each command prints its job's number. A wrong name or an empty store is refused at once."""
    code, out, err = attune("models", "build", "base", "--queue")
    assert (code, out) == (0, "Job 1 waits for a worker: attune jobs show 1\n")
    assert "No worker runs" in err
    code, _, err = attune("models", "build", "base", "--queue")
    assert code == 3
    assert "queued already as job 1" in err
    assert attune("models", "build", "v9", "--queue")[0] == 2
    assert attune("evaluate", "--queue")[0] == 2  # no pair is held out
    _, out, _ = attune("pairs", "generate", "--again", "--limit", "5", "--queue", "--json")
    generate = json.loads(out)["job"]
    seed = {
        "queries": {f"q{n}": f"What of number {n}?" for n in range(8)},
        "corpus": {f"p{n}": text for n, text in enumerate(made.passages(8))},
        "relevant_docs": {f"q{n}": [f"p{n}"] for n in range(8)},
    }
    (tmp_path / "pairs.json").write_text(json.dumps(seed))
    code, out, err = attune(
        "train", "--pairs", str(tmp_path / "pairs.json"), "--auto", "--queue", "--json"
    )
    assert code == 0, err
    train = json.loads(out)["job"]
    _, out, _ = attune("models", "promote", "base", "--auto", "--queue", "--json")
    promote = json.loads(out)["job"]
    listed = {job["id"]: job for job in json.loads(attune("jobs", "list", "--json")[1])["jobs"]}
    assert listed[generate]["args"] == {
        "source": "offline", "per_passage": None, "limit": 5, "again": True, "who": "cli",
    }  # fmt: skip
    assert listed[train]["args"] == {"run_id": 1, "auto": True, "processes": 1, "who": "cli"}
    assert listed[promote]["args"] == {"name": "base", "auto": True, "who": "cli"}
    assert [job["queue"] for _, job in sorted(listed.items())] == [
        "index",
        "train",
        "train",
        "index",
    ]


def test_a_file_of_pairs_is_left_to_a_worker(attune, tmp_path):
    """A broken file is refused at once and leaves no job. The same file is queued only once."""
    file = tmp_path / "pairs.json"
    file.write_text('{"queries": {"q": "Why?"}, "corpus": {}}')
    code, _, err = attune("pairs", "import", str(file), "--queue")
    assert code == 2
    assert "lacks 'relevant_docs'" in err
    assert json.loads(attune("jobs", "list", "--json")[1])["jobs"] == []
    seed = {
        "queries": {"a": "What is this?", "b": "What is that?"},
        "corpus": {"p": "This and that."},
        "relevant_docs": {"a": ["p"], "b": ["p"]},
    }
    file.write_text(json.dumps(seed))
    code, out, _ = attune("pairs", "import", str(file), "--queue", "--split", "train", "--json")
    assert code == 0
    shown = json.loads(attune("jobs", "show", str(json.loads(out)["job"]), "--json")[1])
    assert (shown["task"], shown["queue"]) == ("import_pairs", "index")
    assert (shown["args"]["name"], shown["args"]["split"]) == ("pairs.json", "train")
    code, _, err = attune("pairs", "import", str(file), "--queue", "--split", "train")
    assert code == 3
    assert "queued already" in err


def test_pairs_are_decided_on_all_or_none(attune, tmp_path):
    """As on the admin's screen: what lies on the other side cannot be accepted, and it is said why."""
    passage = " ".join(made.passages(12)[0] for _ in range(4))
    seed = {"queries": {"a": "What is it?", "b": "Which one is it?"}, "corpus": {"p": passage}}
    seed["relevant_docs"] = {"a": ["p"], "b": ["p"]}
    file = tmp_path / "pairs.json"
    file.write_text(json.dumps(seed))
    assert attune("pairs", "import", str(file), "--split", "heldout")[0] == 0
    seed["queries"] = {"a": "What is it called?", "b": "Which of them is it?"}
    file.write_text(json.dumps(seed))
    assert attune("pairs", "import", str(file), "--split", "train")[0] == 0
    listed = json.loads(attune("pairs", "list", "--json")[1])["pairs"]
    ids = {status: [str(p["id"]) for p in listed if p["status"] == status] for status in
           ("accepted", "rejected")}  # fmt: skip
    assert len(ids["rejected"]) == 2
    code, _, err = attune("pairs", "review", "--reject", ids["accepted"][0], "--accept", ids["rejected"][0])  # fmt: skip
    assert code == 7
    assert f"Pair {ids['rejected'][0]}: It cannot be accepted" in err
    code, _, err = attune("pairs", "review", "--reject", ids["accepted"][0], "--reject", "999")
    assert code == 2
    assert "Pair 999: This pair is gone" in err
    after = json.loads(attune("pairs", "list", "--json")[1])["pairs"]
    assert [pair["status"] for pair in after] == [pair["status"] for pair in listed]
    code, out, _ = attune("pairs", "review", "--reject", ids["accepted"][0])
    assert (code, out) == (0, "0 accepted, 1 rejected\n")


def test_jobs_are_shown_cancelled_and_retried(attune):
    attune("models", "build", "base", "--queue")
    assert "queued" in attune("jobs", "list")[1]
    assert json.loads(attune("jobs", "show", "1", "--json")[1])["status"] == "todo"
    assert attune("jobs", "cancel", "1")[1] == "Job 1 is cancelled.\n"
    code, _, err = attune("jobs", "cancel", "1")
    assert code == 3
    assert "ended already: cancelled" in err
    assert "There is no job." in attune("jobs", "list", "--unfinished")[1]
    assert json.loads(attune("jobs", "retry", "1", "--json")[1])["status"] == "todo"
    assert "status       queued" in attune("jobs", "show", "1")[1]
    assert attune("jobs", "show", "7")[0] == 2
    refused = subprocess.run(
        [ATTUNE, "worker", "--queues", "trian"], capture_output=True, text=True, timeout=120
    )
    assert refused.returncode == 2
    assert "'trian'" in refused.stderr
