"""A way to a PostgreSQL server that breaks where a test wants it to."""

import selectors
import socket
import threading
from pathlib import Path
from typing import Literal, Self

from retention_engine.log.postgres_connections import place_of

Where = Literal["before the server", "after the server"]
COMMIT = b"COMMIT\x00"


class CutConnection:
    """Hands on what passes between clients and a server, and breaks connections on which a commit is sent.

    Attributes:
        address: the server's address by this way.
        cuts: how many connections are yet to be broken.
        where: `before the server`: it never hears of the commit. `after the server`: its answer gets lost.
        for_good: whether nobody gets through after the last cut.
    """

    def __init__(self, address: str, cuts: int, where: Where, *, for_good: bool = False) -> None:
        place = place_of(address)
        known = place.parameters
        host, port = str(known["host"]), int(known.get("port") or 5432)
        self._server = str(Path(host) / f".s.PGSQL.{port}") if host.startswith("/") else (host, port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        user, secret, database = known["user"], known.get("password") or "", known.get("dbname", "postgres")
        way = f"127.0.0.1:{self._listener.getsockname()[1]}/{database}"
        options = f"sslmode=disable&gssencmode=disable&schema={place.schema}"  # a commit in cipher can't be made out
        self.address = f"postgresql://{user}:{secret}@{way}?{options}"
        self.cuts = cuts
        self.where = where
        self.for_good = for_good
        self._threads = [threading.Thread(target=self._accept)]

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:  # the listener was closed
                return
            thread = threading.Thread(target=self._hand_on, args=(client,))
            self._threads.append(thread)
            thread.start()

    def _hand_on(self, client: socket.socket) -> None:
        if self.for_good and not self.cuts:
            client.close()
            return
        family = socket.AF_UNIX if isinstance(self._server, str) else socket.AF_INET
        with client, socket.socket(family) as server, selectors.DefaultSelector() as waiting:
            server.connect(self._server)
            waiting.register(client, selectors.EVENT_READ, server)
            waiting.register(server, selectors.EVENT_READ, client)
            while True:
                for key, _ in waiting.select():
                    source, target = key.fileobj, key.data
                    data = source.recv(65536)
                    if not data:
                        return
                    if source is client and COMMIT in data and self.cuts:
                        self.cuts -= 1
                        if self.where == "after the server":
                            server.sendall(data)
                            server.recv(65536)
                        return
                    target.sendall(data)
