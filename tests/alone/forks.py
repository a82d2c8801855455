"""Runs Python's words in forks of one process that has imported the named libraries, and nothing of any project.

A line of input is a job, as JSON: the arguments of `run`. A line of output is its exit code.
"""

import importlib
import json
import os
import runpy
import sys
import traceback


def run(cwd: str, path: list[str], words: list[str], output: str, variables: dict[str, str]) -> None:
    """Become what `python WORDS` would be in a folder."""
    to = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(to, 1)
    os.dup2(to, 2)
    os.chdir(cwd)
    os.environ.update(variables)
    sys.path[:0] = path
    option, what, *rest = words
    sys.argv = [option, *rest]
    if option == "-m":
        runpy.run_module(what, run_name="__main__", alter_sys=True)
    else:
        exec(compile(what, "<string>", "exec"), {"__name__": "__main__"})


def exit_code(job: dict) -> int:
    """Run a job in this process, which is a fork."""
    try:
        run(**job)
    except SystemExit as stop:
        if isinstance(stop.code, str):
            print(stop.code, file=sys.stderr)
        return stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def main() -> None:
    """Fork for each job."""
    for name in sys.argv[1:]:
        importlib.import_module(name)
    for line in sys.stdin:
        if (child := os.fork()) == 0:
            code = exit_code(json.loads(line))
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


if __name__ == "__main__":
    main()
