"""A real Milvus server for tests, from the wheel `milvus`, on ports of its own."""

import fcntl
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from processes import PATIENCE_S

# the wheel's own defaults share etcd's ports with whoever else runs it
_ETCD = """
name: default
data-dir: {folder}/data/etcd.data
listen-client-urls: http://127.0.0.1:{client}
advertise-client-urls: http://127.0.0.1:{client}
listen-peer-urls: http://127.0.0.1:{peer}
initial-advertise-peer-urls: http://127.0.0.1:{peer}
initial-cluster: default=http://127.0.0.1:{peer}
"""


@contextmanager
def milvus_server(folder: Path) -> Iterator[tuple[str, int]]:
    """Yield the address and the process id of a server that keeps its data in a folder."""
    import milvus

    folder.mkdir(parents=True, exist_ok=True)
    data = Path(milvus.__file__).parent / "data"
    template = folder / "template.yaml"
    etcd = folder / "etcd.yaml"
    settings = (data / "config.yaml.template").read_text()
    template.write_text(
        settings.replace("  use:\n    embed: true", f"  config:\n    path: {etcd}\n  use:\n    embed: true")
    )
    config = milvus.MilvusServerConfig(data_dir=str(folder), template=str(template))
    config.glog_conf_file = str(data / "glog.conf")
    names = [name for name in config.configurable_items if name.endswith("_port")]
    *ports, peer, web = free_ports(len(names) + 2)
    config.configs.update(zip(names, ports, strict=True))
    etcd.write_text(_ETCD.format(folder=folder, client=config.configs["etcd_port"], peer=peer))
    share_programs(folder / "bin", milvus)
    server = milvus.MilvusServer(config)
    server.webservice_port = web
    try:
        server.start()
        yield f"127.0.0.1:{server.listen_port}", server.server_proc.pid
    finally:
        if server.server_proc:
            # the wheel itself waits no longer than a few seconds, which is short on a busy machine
            server.server_proc.kill()
            server.server_proc.wait(timeout=PATIENCE_S)
        server.stop()


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for bound in sockets:
            bound.bind(("127.0.0.1", 0))
        return [bound.getsockname()[1] for bound in sockets]
    finally:
        for bound in sockets:
            bound.close()


def share_programs(bin_folder: Path, milvus: object) -> None:
    """Unpack the 400 MB of programs once a machine, not once a session."""
    shared = Path(tempfile.gettempdir()) / f"milvus-{milvus.__version__}"
    shared.mkdir(exist_ok=True)
    with (shared / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        milvus._initialize_data_files(str(shared))
    bin_folder.symlink_to(shared / "bin")
