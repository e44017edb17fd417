"""What a store does, in a few lines of Python that nothing else shares."""

from dataclasses import dataclass, field
from typing import Any

from agentsys.money import DIMENSIONS, Spend
from agentsys.stores import ABSENT, Balance, Refusal

NOTHING = Spend()


@dataclass
class Hold:
    spend: Spend
    accounts: list[str]
    ends: float
    touched: int
    expiry: dict[str, Any]


@dataclass
class Model:
    """Time stands still but for `now`; versions are numbers of its own."""

    now: float = 0
    steps: int = 0
    records: list[dict[str, Any]] = field(default_factory=list)
    keys: set[str] = field(default_factory=set)
    values: dict[tuple[str, str], tuple[Any, int, float | None]] = field(default_factory=dict)
    spent: dict[str, Spend] = field(default_factory=dict)
    holds: dict[str, Hold] = field(default_factory=dict)

    def append(self, record: dict[str, Any], key: str | None) -> bool:
        if key in self.keys:
            return False
        if key is not None:
            self.keys.add(key)
        self.records.append(record)
        return True

    def value(self, space: str, key: str) -> tuple[Any, int] | None:
        data, version, ends = self.values.get((space, key), (None, ABSENT, 0))
        return None if ends is not None and ends <= self.now else (data, version)

    def version(self, space: str, key: str) -> int:
        found = self.value(space, key)
        return found[1] if found else ABSENT

    def held(self, account: str) -> Spend:
        alive = (h for h in self.holds.values() if h.ends > self.now and account in h.accounts)
        return sum((hold.spend for hold in alive), NOTHING)

    def balance(self, account: str) -> Balance:
        return Balance(self.spent.get(account, NOTHING), self.held(account))

    def sweep(self) -> None:
        gone = [name for name, hold in self.holds.items() if hold.ends <= self.now]
        for name in sorted(gone, key=lambda n: (self.holds[n].ends, self.holds[n].touched)):
            self.records.append(self.holds.pop(name).expiry)

    def alive(self, name: str) -> bool:
        return name in self.holds and self.holds[name].ends > self.now

    def touch(self, name: str, lease_s: float) -> None:
        self.steps += 1
        self.holds[name].ends = self.now + lease_s
        self.holds[name].touched = self.steps

    def reserve(
        self, name: str, spend: Spend, caps: dict[str, Spend], lease_s: float, expiry: Any
    ) -> Refusal | None:
        self.sweep()
        self.holds.pop(name, None)
        refusal = self.refusal(spend, caps)
        if refusal:
            return refusal
        self.holds[name] = Hold(spend, list(caps), 0, 0, expiry)
        self.touch(name, lease_s)
        return None

    def refusal(self, spend: Spend, caps: dict[str, Spend]) -> Refusal | None:
        for account, cap in caps.items():
            for each in DIMENSIONS:
                balance = self.balance(account)
                taken = getattr(balance.spent, each) + getattr(balance.held, each)
                if taken + getattr(spend, each) > getattr(cap, each):
                    left = {a: c - self.balance(a).spent for a, c in caps.items()}
                    free = {a: rest - self.held(a) for a, rest in left.items()}
                    return Refusal(account, each, _least(left), _least(free))
        return None

    def settle(
        self, name: str, accounts: list[str], spend: Spend, record: Any, key: str
    ) -> dict[str, Balance] | None:
        self.sweep()
        self.holds.pop(name, None)
        if not self.append(record, key):
            return None
        for account in set(accounts):
            self.spent[account] = self.spent.get(account, NOTHING) + spend
        return {account: self.balance(account) for account in accounts}

    def rebuild(self) -> dict[str, Balance]:
        spent = dict[str, Spend]()
        for record in self.records:
            if "accounts" in record:
                tokens = record["tokens_in"] + record["tokens_out"]
                spend = Spend(record["nano_usd"], tokens, 1, record["microseconds"])
                for account in set(record["accounts"]):
                    spent[account] = spent.get(account, NOTHING) + spend
        before = {account: self.balance(account) for account in {*spent, *self.spent}}
        self.spent = spent
        return {a: b for a, b in before.items() if b.spent != spent.get(a, NOTHING)}


def _least(spends: dict[str, Spend]) -> Spend:
    return Spend(*(min(getattr(spend, each) for spend in spends.values()) for each in DIMENSIONS))
