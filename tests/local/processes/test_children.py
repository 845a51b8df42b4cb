from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from local.processes.children import Child, CouldNotRun, Processes
from tests.patience import PATIENCE

READY = "import json, time; print(json.dumps({'ready': True}), flush=True); time.sleep(600)"
STUBBORN = (
    "import json, signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
    "print(json.dumps({}), flush=True); time.sleep(600)"
)
SHOW = (
    "import json, os, sys; print(json.dumps({'argv': sys.argv, 'path': sys.path[0],"
    " 'cwd': os.getcwd(), 'pid': os.getpid(), 'group': os.getpgid(0), 'name': __name__,"
    " 'of': os.environ['OF'], 'stdin': sys.stdin.read()}))"
)
WITH_CHILD = (
    "import json, subprocess, sys, time; "
    "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']); "
    "print(json.dumps({'child': child.pid}), flush=True); time.sleep(600)"
)


@pytest.fixture(params=[(), ("colorsys",)], ids=["executed", "forked"])
def imported(request: pytest.FixtureRequest) -> tuple[str, ...]:
    """What is imported before children are forked; with nothing, none is forked."""
    modules: tuple[str, ...] = request.param
    return modules


@pytest.fixture
def processes(tmp_path: Path, imported: tuple[str, ...]) -> Iterator[Processes]:
    with Processes(tmp_path, imported) as running:
        yield running


def start(processes: Processes, code: str, *arguments: str) -> Child:
    folder = Path(tempfile.mkdtemp(dir=processes.logs))
    (folder / "part.py").write_text(code)
    argv = [sys.executable, "-m", "part", *arguments]
    return processes.start("part", argv, env={**os.environ, "OF": "the part"}, cwd=folder)


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that only waits to be reaped by its parent does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def eventually(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + PATIENCE
    while not condition() and time.monotonic() < deadline:
        os.sched_yield()
    return condition()


def test_a_child_announces_itself_with_a_line_of_json(processes: Processes) -> None:
    assert start(processes, READY).announced() == {"ready": True}


def test_a_child_that_dies_early_is_told_with_status_and_log(processes: Processes) -> None:
    child = start(processes, "import sys; print('no luck today', file=sys.stderr); sys.exit(7)")
    with pytest.raises(CouldNotRun, match=r"(?s)part .*exit status 7.*no luck today"):
        child.announced()


def test_a_first_line_that_is_no_json_object_is_told(processes: Processes) -> None:
    with pytest.raises(CouldNotRun, match="did not report that it is ready"):
        start(processes, "print('[1]', flush=True); import time; time.sleep(600)").announced()


def test_a_child_that_never_gets_ready_is_told(processes: Processes) -> None:
    child = start(processes, "import time; time.sleep(600)")
    with pytest.raises(CouldNotRun, match=r"is not ready after 0 s"):
        child.announced(timeout=0)
    with pytest.raises(CouldNotRun, match=r"is not ready after 0 s"):
        child.wait_until(lambda: False, timeout=0)


def test_waiting_ends_when_the_child_does(processes: Processes) -> None:
    with pytest.raises(CouldNotRun, match=r"is not ready \(exit status 0\)"):
        start(processes, "pass").wait_until(lambda: False)


def test_a_program_that_does_not_exist_is_told(processes: Processes) -> None:
    with pytest.raises(CouldNotRun, match="could not be started"):
        processes.start("part", ["/no/such/program"], env={})


def test_more_output_than_a_pipe_holds_blocks_nobody(processes: Processes, tmp_path: Path) -> None:
    child = start(processes, "print('{}'); print('x' * 1_000_000)")
    child.announced()
    assert eventually(lambda: not child.is_running)
    processes.stop()
    assert (tmp_path / "part.log").stat().st_size > 1_000_000


def test_a_check_passes_until_a_child_is_gone(processes: Processes) -> None:
    child = start(processes, READY)
    child.announced()
    processes.check()
    os.kill(child.pid, signal.SIGKILL)
    assert eventually(lambda: not child.is_running)
    with pytest.raises(CouldNotRun, match=r"part has stopped \(exit status -9\)"):
        processes.check()


def test_a_child_that_will_not_stop_is_killed(processes: Processes) -> None:
    child = start(processes, STUBBORN)
    child.announced()
    processes.stop(child, grace=0.1)
    assert not is_alive(child.pid)


def test_stopping_one_leaves_the_others(processes: Processes) -> None:
    one, other = start(processes, READY), start(processes, READY)
    one.announced(), other.announced()
    processes.stop(one)
    assert (one.is_running, other.is_running) == (False, True)


def test_the_children_of_a_child_are_stopped_with_it(processes: Processes) -> None:
    child = start(processes, WITH_CHILD)
    grandchild = child.announced()["child"]
    processes.stop(child)
    assert eventually(lambda: not is_alive(grandchild))


def test_a_child_has_its_arguments_environment_and_folder(processes: Processes) -> None:
    told = start(processes, SHOW, "one", "--two").announced()
    assert told["argv"] == [str(Path(told["cwd"], "part.py")), "one", "--two"]
    assert (told["path"], told["of"], told["stdin"]) == (told["cwd"], "the part", "")
    assert told["name"] == "__main__"
    assert told["group"] == told["pid"]


def test_a_forked_child_has_what_was_imported(tmp_path: Path) -> None:
    code = "import json, sys; print(json.dumps({'has': 'colorsys' in sys.modules}))"
    with Processes(tmp_path, ["colorsys"]) as processes:
        assert start(processes, code).announced() == {"has": True}


def test_a_forked_child_has_a_name_of_its_own(tmp_path: Path) -> None:
    with Processes(tmp_path, ["colorsys"]) as processes:
        child = start(processes, READY)
        child.announced()
        assert Path(f"/proc/{child.pid}/comm").read_text() == "part\n"


def test_a_module_that_cannot_be_imported_is_told(tmp_path: Path) -> None:
    with (
        Processes(tmp_path, ["no_such_module"]) as processes,
        pytest.raises(CouldNotRun, match=r"(?s)part.* could not be started.*no_such_module"),
    ):
        start(processes, READY)


def test_children_whose_fork_server_was_killed_count_as_stopped(tmp_path: Path) -> None:
    with Processes(tmp_path, ["colorsys"]) as processes:
        child = start(processes, READY)
        child.announced()
        server = processes.fork_server
        assert server is not None
        os.kill(server.pid, signal.SIGKILL)
        assert eventually(lambda: not child.is_running)
        with pytest.raises(CouldNotRun, match="part has stopped"):
            processes.check()
        with pytest.raises(CouldNotRun, match="fork server has ended"):
            start(processes, READY)
    assert eventually(lambda: not is_alive(child.pid))


def test_children_end_with_a_run_that_is_killed(tmp_path: Path, imported: tuple[str, ...]) -> None:
    (tmp_path / "part.py").write_text(READY)
    run = (
        "import json, os, sys, threading; from pathlib import Path; "
        "from local.processes.children import Processes\n"
        "processes = Processes(Path(sys.argv[1]), sys.argv[2:])\n"
        "def start(name):\n"
        "    argv = [sys.executable, '-m', 'part']\n"
        "    child = processes.start(name, argv, env=os.environ, cwd=sys.argv[1])\n"
        "    child.announced(); pids.append(child.pid)\n"
        "pids = []\n"
        "threads = [threading.Thread(target=start, args=(name,)) for name in 'ab']\n"
        "[thread.start() for thread in threads]; [thread.join() for thread in threads]\n"
        "print(json.dumps(pids), flush=True); threading.Event().wait()\n"
    )
    argv = [sys.executable, "-c", run, str(tmp_path), *imported]
    root = Path(__file__).parents[3]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, cwd=root) as running:
        assert running.stdout is not None
        pids = json.loads(running.stdout.readline())
        assert all(is_alive(pid) for pid in pids), "a child ended with the thread that started it"
        running.kill()
    assert eventually(lambda: not any(is_alive(pid) for pid in pids))
