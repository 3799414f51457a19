"""Attempts to sign in: how many failed, how long the next one must wait, and known browsers.

Failures are counted for each login name, whether somebody has it or not. So who guesses passwords
can lock out a person everywhere. But a browser in which the person has signed in before has a count
of its own, and is not locked out by others.
"""

import math

from sqlalchemy import Connection, and_, delete, insert, select, update

from jobs.random_secret import new_secret, sha256_of
from jobs.repository.database import Database
from jobs.repository.schema.account_tables import people
from jobs.repository.schema.sign_in_tables import known_browsers, sign_in_failures

FREE_FAILURES = 5
"""After so many failures in a row, each further attempt has to wait."""
MAX_WAIT_S = 900
_FORGET_S = 86_400.0
"""Failures count for a day after the last one."""
_KNOWN_S = 180 * 86_400.0
"""How long a browser is known after the last sign-in."""


def wait_after(failures: int) -> int:
    """How many seconds the next attempt must wait after so many failures in a row."""
    if failures < FREE_FAILURES:
        return 0
    return int(min(MAX_WAIT_S, 2 ** min(failures - FREE_FAILURES + 1, 30)))


class SignInAttempts:
    """The failures and known browsers of all people."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def knows(self, login: str, browser: str) -> bool:
        """Whether the person has signed in before in the browser with this secret."""
        known = and_(
            known_browsers.c.secret_sha256 == sha256_of(browser),
            known_browsers.c.used_at > self._database.now - _KNOWN_S,
            people.c.login == login,
        )
        with self._database.read() as connection:
            query = select(people.c.id).join(known_browsers).where(known)
            return connection.execute(query).first() is not None

    def counter(self, login: str, browser: str) -> str:
        """Where attempts are counted: at the login name, or at a browser in which its person has
        signed in, by its secret."""
        return sha256_of(f"browser {browser}" if self.knows(login, browser) else f"login {login}")

    def begin(self, counter: str) -> int:
        """Counts an attempt as a failure, until `succeeded`; 0. Where it must wait, it is not
        counted, and the result is the number of seconds.

        So attempts at the same moment are all counted before any of them is checked.
        """

        def transaction(connection: Connection) -> int:
            self._database.lock(connection, f"sign-in {counter}")
            now = self._database.clock(connection)
            stale = sign_in_failures.c.last_at < now - _FORGET_S
            connection.execute(delete(sign_in_failures).where(stale))
            own = sign_in_failures.c.counter == counter
            row = connection.execute(select(sign_in_failures).where(own)).one_or_none()
            if row is None:
                first = {"counter": counter, "failures": 1, "last_at": now}
                connection.execute(insert(sign_in_failures).values(first))
                return 0
            left_s = float(row.last_at + wait_after(row.failures) - now)
            if left_s > 0:
                return math.ceil(left_s)
            more = {"failures": row.failures + 1, "last_at": now}
            connection.execute(update(sign_in_failures).where(own).values(more))
            return 0

        return self._database.repeat_after_race(transaction)

    def succeeded(self, counter: str, person: str) -> str:
        """Forgets the failures, and returns the secret by which the browser of this person, by id,
        is known from now on."""
        browser = new_secret()
        with self._database.write() as connection:
            now = self._database.clock(connection)
            own = sign_in_failures.c.counter == counter
            connection.execute(delete(sign_in_failures).where(own))
            old = known_browsers.c.used_at < now - _KNOWN_S
            connection.execute(delete(known_browsers).where(old))
            row = {"secret_sha256": sha256_of(browser), "person": person, "used_at": now}
            connection.execute(insert(known_browsers).values(row))
        return browser
