"""A store on a Redis or Valkey server: shared by machines.

Redis 6.2 or newer, with plain commands and Lua scripts, no modules. All keys begin with
`agentsys:`; those that one script touches are in one slot of a cluster. Times are the server's
alone. What was written survives as well as the server's persistence does: switch its append-only
file on. A user needs the keys `~agentsys:*` and the commands
`+@read +@write +@scripting +@connection +time +info`.
"""

from agentsys.stores.redis.accounts import RedisAccounts
from agentsys.stores.redis.columns import RedisColumns
from agentsys.stores.redis.gates import RedisGates
from agentsys.stores.redis.values import RedisValues

__all__ = ["RedisStore"]


class RedisStore(RedisColumns, RedisValues, RedisAccounts, RedisGates):
    """The Redis or Valkey server at `url`, reached when it is first used."""
