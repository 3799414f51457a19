"""How a Redis server keeps messages."""

from dataclasses import dataclass

from redis import Redis, RedisError

_TIMEOUT_S = 3.0
_EVICTS_NOTHING = "noeviction"


@dataclass(frozen=True, slots=True)
class RedisSettings:
    """The settings of a server that messages depend on."""

    appendonly: str
    save: str
    maxmemory: int
    """In bytes; 0: no limit."""
    maxmemory_policy: str

    @property
    def persistent(self) -> bool:
        """Whether messages survive a restart, at least most of them."""
        return self.appendonly == "yes" or bool(self.save)

    @property
    def may_evict(self) -> bool:
        """Whether it deletes messages when its memory is full."""
        return self.maxmemory > 0 and self.maxmemory_policy != _EVICTS_NOTHING


def read_redis_settings(url: str) -> RedisSettings | None:
    """The settings of the server of a broker's URL; None if it does not tell them."""
    plain = url.replace("redis+socket://", "unix://")
    try:
        with Redis.from_url(plain, socket_timeout=_TIMEOUT_S, decode_responses=True) as client:
            found = {
                name: client.config_get(name)[name]
                for name in ("appendonly", "save", "maxmemory", "maxmemory-policy")
            }
    except (RedisError, KeyError, ValueError):
        return None
    return RedisSettings(
        found["appendonly"], found["save"], int(found["maxmemory"]), found["maxmemory-policy"]
    )
