"""`hadua-serve`: the service from its flags to its last thread."""

import gc
import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hadua.models.errors import HaduaError, UsageError

if TYPE_CHECKING:
    import socket
    from types import FrameType

    from hadua.service.config import Settings
    from hadua.service.server import Server
    from hadua.service.session import Session
    from hadua.service.storage.storage import Storage

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


@app.command()
def serve(
    demo: Annotated[
        bool | None, typer.Option("--demo", help="Simulated EEG and gaze, demo bundle.")
    ] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on [127.0.0.1].")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on [8000].")] = None,
    bundle: Annotated[Path | None, typer.Option(help="Bundle folder [demo bundle].")] = None,
    eeg: Annotated[
        str | None, typer.Option(metavar="SOURCE", help="lsl:type=EEG, file:a.xdf, sim:...")
    ] = None,
    gaze: Annotated[str | None, typer.Option(metavar="SOURCE", help="lsl:type=Gaze, ...")] = None,
    participant: Annotated[str | None, typer.Option(metavar="ID", help="Pseudonym.")] = None,
    data_dir: Annotated[Path | None, typer.Option(help="Folder for what is kept.")] = None,
    record: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Record every session there.")
    ] = None,
    markers: Annotated[
        list[str] | None, typer.Option(metavar="QUERY", help="lsl:type=Markers; repeatable.")
    ] = None,
    outlet: Annotated[
        bool | None, typer.Option("--outlet/--no-outlet", help="Predictions over LSL.")
    ] = None,
    cluster: Annotated[
        str | None, typer.Option(metavar="URL", help="Pool that computes predictions.")
    ] = None,
    runtime: Annotated[str | None, typer.Option(help="onnx or torchscript [onnx].")] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu or cuda [auto].")] = None,
    wait_s: Annotated[float | None, typer.Option(help="Wait for streams [10].")] = None,
    log_level: Annotated[str | None, typer.Option(help="debug, info, warning, error.")] = None,
    log_json: Annotated[bool | None, typer.Option("--log-json", help="Logs as JSON.")] = None,
    config: Annotated[
        Path | None, typer.Option(envvar="HADUA_CONFIG", help="TOML file of settings.")
    ] = None,
) -> None:
    """Serve emotion predictions. All settings (HADUA_..., TOML): docs/settings.md."""
    given = {name: value for name, value in locals().items() if name != "config"}
    flags = {name: value for name, value in given.items() if value is not None}
    try:
        code = run(flags, config=config)
    except HaduaError as error:
        typer.echo(f"hadua-serve: {error}", err=True)
        code = error.exit_code
    except KeyboardInterrupt:  # before the server took over the signals
        code = 0
    raise typer.Exit(code)


def main() -> None:
    """Entry point of `hadua-serve`."""
    gc.disable()  # until the server runs: imports leave little, and spend a seventh on it
    # Until the server takes over the signals there is nothing to clean up. KeyboardInterrupt would
    # not do: inside an import it may come out as another error, or be swallowed.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: os._exit(0))
    app(prog_name="hadua-serve")


def run(flags: Mapping[str, object], *, config: Path | None) -> int:
    """Serve until a signal; the exit code."""
    from hadua.service.lean_structlog import import_structlog

    import_structlog()
    from hadua.service.assembly import open_storage, settled
    from hadua.service.config import load_settings
    from hadua.service.listener import listen, url_of
    from hadua.service.logs import configure_logs

    settings = load_settings(flags, config=config)
    configure_logs(level=settings.log_level, json=settings.log_json)
    _require_sense(settings)
    with (
        listen(settings.host, settings.port) as listener,
        settled(settings) as settings,
        open_storage(settings, url=url_of(listener, scheme=_scheme(settings))) as storage,
    ):
        return _serve_on(listener, settings, storage)


def _require_sense(settings: "Settings") -> None:
    from hadua.adapters.sources.lsl_markers import parse_markers

    for text in settings.markers:
        parse_markers(text)
    if settings.cluster is not None:
        from hadua.service.cluster.pool_http import pool_address

        pool_address(settings.cluster)
    if settings.demo and (settings.eeg or settings.gaze):
        raise UsageError(
            "--demo with a stream",
            got=f"--eeg {settings.eeg!r}, --gaze {settings.gaze!r}",
            expected="either --demo or streams",
            hint="The demo brings its own streams.",
        )


def _serve_on(listener: "socket.socket", settings: "Settings", storage: "Storage") -> int:
    from hadua.service.app import create_app, drain
    from hadua.service.arenas import keep_few_arenas
    from hadua.service.assembly import assemble, replicas_of, require_runtime, startup_sources
    from hadua.service.garbage import GARBAGE
    from hadua.service.listener import url_of
    from hadua.service.meant import open_bundle
    from hadua.service.server import Server
    from hadua.service.threads import bound_every_start, switch_often
    from hadua.service.tls import tls_files

    keep_few_arenas()
    switch_often()
    bound_every_start()
    bundle, startup = open_bundle(settings), startup_sources(settings)
    tls = tls_files(settings)
    _give_first_token(settings, storage)
    replicas = replicas_of(settings, bundle)
    failures: list[HaduaError] = []

    def started(session: "Session | None") -> None:
        if session is not None and session.error is not None:
            failures.append(session.error)
            server.request_exit()
        elif not server.should_exit:
            GARBAGE.set_aside()  # what the session has loaded, too
            typer.echo(f"hadua is ready: {url_of(listener, scheme=_scheme(settings))}")

    application = create_app(
        lambda: assemble(
            settings,
            bundle=bundle,
            startup=startup,
            storage=storage,
            cut=server.cut,
            replicas=replicas,
        ),
        origins=settings.allowed_origins,
        started=started,
    )
    server = Server(application, drain=lambda: drain(application.state.service), tls=tls)
    _exit_on_signals(server)
    if not settings.demo:  # whose session loads it at once
        require_runtime(settings, bundle)
    with GARBAGE.kept_off():
        server.run(sockets=[listener])
    if failures:
        raise failures[0]
    return 0


def _scheme(settings: "Settings") -> str:
    return "http" if settings.tls_cert is None else "https"


def _give_first_token(settings: "Settings", storage: "Storage") -> None:
    """A service that asks for tokens, and has none yet, makes one and shows it this once."""
    from hadua.service.access.roles import Role
    from hadua.service.app import wants_tokens

    if wants_tokens(settings) and not storage.tokens():
        token = storage.add_token("first-admin", Role.ADMIN)
        typer.echo(f"The first token, role admin, shown this once: {token}")


def _exit_on_signals(server: "Server") -> None:
    """From here on, also before and after uvicorn listens to signals itself."""
    from uvicorn.server import HANDLED_SIGNALS

    def handle(number: int, frame: "FrameType | None") -> None:
        del number, frame
        server.request_exit()

    for number in HANDLED_SIGNALS:
        signal.signal(number, handle)


if __name__ == "__main__":
    main()
