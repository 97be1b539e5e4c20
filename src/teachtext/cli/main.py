"""`teachtext`: the command and its verbs. Nothing heavy is imported before a verb runs."""

import io
import os
import signal
import sys
from contextlib import suppress

import typer

from teachtext.cli import (
    adapt,
    benchmarks,
    data,
    demo,
    denoise,
    embed,
    encoders,
    evaluate,
    evaluate_index,
    export,
    extract,
    feedback,
    index,
    mcp,
    metrics,
    model,
    objectives,
    parity,
    recipe,
    run,
    search,
    serve,
    study,
    teachers,
    videos,
)
from teachtext.errors import InputError, ProcessesEnded

app = typer.Typer(
    name="teachtext",
    help="Find videos with words: text-video retrieval with TeachText distillation.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.add_typer(data.app, name="data", help="Check, generate and import datasets.")
app.add_typer(model.app, name="model", help="Import published models.")
app.command("run")(run.run)
app.command("study")(study.study)
app.command("demo")(demo.demo)
app.command("extract")(extract.extract)
app.command("embed")(embed.embed)
app.command("train")(run.train)
app.command("denoise")(denoise.denoise)
app.command("teachers")(teachers.teachers)
app.command("evaluate")(evaluate.evaluate)
app.command("metrics")(metrics.metrics)
app.command("parity")(parity.parity)
app.command("export")(export.export)
app.command("report")(run.report)
app.command("adapt")(adapt.adapt)
app.command("encoders")(encoders.encoders)
app.command("index")(index.index)
app.command("search")(search.search)
app.command("like")(search.like)
app.command("list")(videos.list_videos)
app.command("info")(videos.info)
app.command("tag")(videos.tag)
app.command("remove")(videos.remove)
app.command("evaluate-index")(evaluate_index.evaluate_index)
app.command("serve")(serve.serve)
app.command("mcp")(mcp.mcp)
app.command("feedback")(feedback.feedback)
app.command("benchmarks")(benchmarks.benchmarks)
app.command("recipe")(recipe.recipe)
app.command("objectives")(objectives.objectives)


# verbs that train in several processes, under torchrun
_TRAINING = ("run", "study", "train", "denoise", "teachers")


@app.callback(invoke_without_command=True)
def version(
    context: typer.Context,
    show: bool = typer.Option(False, "--version", help="Print the version and stop.", is_eager=True),
) -> None:
    """Find videos with words: text-video retrieval with TeachText distillation."""
    if show:
        from teachtext import __version__

        print(f"teachtext {__version__}")
        raise typer.Exit
    verb = context.invoked_subcommand
    if verb in _TRAINING:
        # torch is not imported yet: large tensors in large pages, which saves a seventh of the time of a large step
        os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")
    if not _one_of_several():
        return
    # with warnings, a lost process would be lines of C++ beside the one sentence
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
    if verb not in _TRAINING:
        if os.environ.get("RANK") != "0":
            raise typer.Exit(2)
        raise InputError(
            f"'teachtext {verb}' is one process, and torchrun has started {os.environ['WORLD_SIZE']}",
            f"call it without torchrun; what trains on several processes are {', '.join(_TRAINING)}",
        )


def main() -> None:
    """Run the command line; bad input is one sentence on stderr and exit code 2."""
    try:
        _main()
    except SystemExit as end:
        if end.code and _one_of_several():
            # threads of torch may still wait for another process, and would abort the exit of Python
            for stream in (sys.stdout, sys.stderr):
                with suppress(OSError):
                    stream.flush()
            os._exit(end.code if isinstance(end.code, int) else 1)
        raise


def _main() -> None:
    if isinstance(sys.stdout, io.TextIOWrapper):
        # characters that the terminal cannot show must not stop the command
        sys.stdout.reconfigure(errors="backslashreplace")
    # a batch system stops a job with SIGTERM: handle the signal like Ctrl-C
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        app()
    except InputError as error:
        print(f"teachtext: {error}", file=sys.stderr)
        sys.exit(2)
    except ProcessesEnded as error:
        if str(error):
            print(f"teachtext: {error}", file=sys.stderr)
        sys.exit(2)
    except ModuleNotFoundError as error:
        if (error.name or "teachtext").startswith("teachtext"):
            raise
        from teachtext.packages import not_installed

        print(f"teachtext: {not_installed(error)}", file=sys.stderr)
        sys.exit(2)
    except (MemoryError, RecursionError) as error:
        reason = "there is not enough memory" if isinstance(error, MemoryError) else "a file is nested too deeply"
        print(f"teachtext: {reason}: check the files that the command reads, or free some memory", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        _print_stopped()
        sys.exit(130)
    except SystemExit as stop:
        # typer turns Ctrl-C into SystemExit
        if stop.code == 130:
            _print_stopped()
        raise
    except BrokenPipeError:
        # the reader of the output has gone; silence the flush at exit too
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


def _one_of_several() -> bool:
    """Return whether torchrun has started this process beside others."""
    return os.environ.get("WORLD_SIZE", "1") != "1" and "LOCAL_RANK" in os.environ


def _print_stopped() -> None:
    print("teachtext: stopped; run the same command again to go on", file=sys.stderr)
