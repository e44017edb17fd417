"""A hundred kilobytes of English that is no word problem: docstrings of the standard library."""

import importlib
import inspect
from random import Random

_MODULES = """
statistics argparse difflib heapq calendar logging decimal doctest typing textwrap inspect datetime
csv fractions random string json unittest.case unittest.mock pathlib subprocess threading tarfile
zipfile shutil tempfile optparse configparser collections functools itertools contextlib
asyncio.streams email.message email.policy http.server http.cookiejar urllib.parse smtplib imaplib
sqlite3 socket ssl struct array bisect copy enum gettext glob hashlib io ipaddress locale mailbox
operator os pickle platform pprint profile queue re sched secrets selectors shelve shlex signal
tokenize traceback turtle types uuid warnings weakref xml.dom.minidom xml.etree.ElementTree
""".split()


def pieces(size: int = 100_000, seed: int = 3) -> list[str]:
    """`size` characters of docstrings, cut in pieces as long as a question."""
    text = " ".join(_docstrings())
    if len(text) < size:
        raise ValueError(f"only {len(text)} characters of docstrings were found")
    random, cut, at = Random(seed), [], 0
    while at < size:
        length = random.randint(30, 250)
        cut.append(" ".join(text[at : min(at + length, size)].split()))
        at += length
    return [piece for piece in cut if piece]


def _docstrings() -> list[str]:
    found: dict[str, None] = {}
    for name in _MODULES:
        module = importlib.import_module(name)
        members = [member for _, member in sorted(vars(module).items(), key=lambda kv: kv[0])]
        for member in (module, *members):
            if inspect.ismodule(member) and member is not module:
                continue
            doc = inspect.getdoc(member) if callable(member) or member is module else None
            if doc and len(doc) > 60:
                found[doc] = None
    return list(found)
