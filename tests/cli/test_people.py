"""``psihash operator``, ``login``, ``inbox``, ``approve``, ``refuse``; and that every command that
changes something wants somebody who is logged in."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import click
import pytest
from psihash_client.main import cli
from psihash_client.shell import Shell

from psihash.identity import passwords
from psihash.node.home import opening
from psihash.node.people.roles import USE_CASES
from tests.cli.homes import Home
from tests.session.nodes import carry

PASSWORD = "PSIHASH_OPERATOR_PASSWORD_FILE"


@pytest.fixture(autouse=True)
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "COST", 4)
    monkeypatch.delenv(PASSWORD, raising=False)


@dataclass
class Office:
    """A home whose operators work one after the other."""

    home: Home
    folder: Path
    patch: pytest.MonkeyPatch

    def file(self, name: str) -> str:
        path = self.folder / f"{self.home.agency}-{name}.password"
        path.write_text(f"{name}'s long password\n")
        return str(path)

    def add(self, name: str, *roles: str) -> dict[str, object]:
        words = [word for role in roles for word in ("--role", role)]
        added = self.home.json("operator", "add", name, *words, "--password-file", self.file(name))
        assert isinstance(added, dict)
        return added

    def work(self, name: str) -> None:
        """Log in; from here on the password comes from a file, as in a script."""
        self.patch.setenv(PASSWORD, self.file(name))
        self.home.json("login", name)


Opens = Callable[[Home], Office]


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Opens:
    def make(home: Home) -> Office:
        made = Office(home, tmp_path, monkeypatch)
        made.add("ada", "admin")
        made.work("ada")
        made.add("ann", "analyst")
        made.add("apo", "approver")
        return made

    return make


def carried(one: Home, other: Home) -> None:
    nodes = [opening.open_node(home.path) for home in (one, other)]
    try:
        assert carry(nodes[0], nodes[1]) == []
    finally:
        for node in nodes:
            node.close()


def propose(peer: str) -> list[str]:
    return [
        "agreement", "propose", peer, "--purpose", "a test", "--case", "C-1",
        "--legal-basis", "Art. 1", "--rung", "items", "--learn", "both", "--algorithm", "md5",
        "--collection", "cases",
    ]  # fmt: skip


def test_the_first_operator_and_the_list(nl: Home, office: Opens) -> None:
    assert "no operators" in nl.run("operator", "list").stdout
    assert nl.json("login", "--status") == {"operator": None}
    office(nl)
    listed = nl.json("operator", "list")["operators"]
    assert [(each["name"], each["roles"], each["status"]) for each in listed] == [
        ("ada", ["admin"], "active"),
        ("ann", ["analyst"], "active"),
        ("apo", ["approver"], "active"),
    ]
    text = nl.run("operator", "list").stdout
    assert "ann" in text
    assert "op-" in text


def test_logging_in_and_out(nl: Home, office: Opens) -> None:
    office(nl)
    logged = nl.json("login", "--status")
    assert (logged["name"], logged["roles"]) == ("ada", ["admin"])
    assert "is logged in" in nl.run("login", "--status").stdout
    nl.json("logout")
    assert nl.json("login", "--status") == {"operator": None}
    code, exit_code, hint = nl.error("peer", "suspend", "de-bka")
    assert (code, exit_code) == ("login-required", 4)
    assert "psihash login NAME" in hint
    assert nl.error("login")[0] == "usage"


def test_a_wrong_password_is_named(nl: Home, office: Opens, tmp_path: Path) -> None:
    office(nl)
    wrong = tmp_path / "wrong"
    wrong.write_text("not the password\n")
    assert nl.error("login", "ann", "--password-file", str(wrong))[:2] == ("wrong-password", 7)
    wrong.write_text("short\n")
    assert nl.error("login", "ann", "--password-file", str(wrong))[0] == "bad-password"


def test_a_password_is_asked_for_twice(nl: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    from psihash_client.shell import Shell

    answers = iter(["a long enough one", "another long one"])
    monkeypatch.setattr(Shell, "ask", property(lambda _self: lambda _question: next(answers)))
    result = nl.run("operator", "add", "ada", "--role", "admin")
    assert "passwords-differ" in result.stderr
    assert nl.json("operator", "list") == {"operators": []}


def test_without_a_terminal_a_file_is_needed(nl: Home) -> None:
    assert nl.error("operator", "add", "ada", "--role", "admin")[0] == "no-password"


def test_a_password_is_changed_by_its_owner(nl: Home, office: Opens, tmp_path: Path) -> None:
    made = office(nl)
    made.work("ann")
    new = tmp_path / "new"
    new.write_text("quite another password\n")
    nl.json(
        "operator", "passwd", "--password-file", made.file("ann"), "--new-password-file", str(new)
    )
    assert nl.json("login", "--status") == {"operator": None}
    assert nl.error("login", "ann", "--password-file", made.file("ann"))[0] == "wrong-password"
    nl.json("login", "ann", "--password-file", str(new))


def test_an_operator_is_disabled(nl: Home, office: Opens) -> None:
    office(nl)
    assert nl.json("operator", "disable", "ann")["status"] == "disabled"
    assert nl.error("operator", "disable", "apo")[0] == "last-of-role"
    assert nl.error("operator", "disable", "nobody")[0] == "unknown-operator"


def test_a_second_approver_is_decided_in_the_inbox(nl: Home, office: Opens) -> None:
    made = office(nl)
    added = made.add("abe", "approver")
    assert added["status"] == "pending"
    request = str(added["request"])
    made.work("apo")
    assert "abe" in nl.json("approve", request, "--show")["page"]["What is asked"]
    assert nl.json("approve", request[:12], "--reason", "known")["state"] == "approved"
    made.work("abe")


def test_a_person_joins_by_a_code(nl: Home, office: Opens, tmp_path: Path) -> None:
    made = office(nl)
    invited = nl.json("operator", "invite", "eve", "--role", "analyst")
    assert set(invited) == {"operator", "name", "roles", "code", "expires"}
    text = nl.run("operator", "invite", "eva", "--role", "analyst").stdout
    assert "psihash operator join eva" in text
    assert "psihash operator confirm eva" in text
    nl.json("logout")
    code = tmp_path / "code"
    code.write_text("AAAA-BBBB-CCCC-DDDD\n")
    joining = ("operator", "join", "eve", "--code-file", str(code))
    words = (*joining, "--password-file", made.file("eve"))
    assert nl.error(*words)[:2] == ("wrong-invitation", 7)
    code.write_text(invited["code"] + "\n")
    joined = nl.json(*words)
    assert (joined["operator"], joined["status"]) == (invited["operator"], "joined")
    assert nl.error("login", "eve", "--password-file", made.file("eve"))[0] == "operator-pending"
    made.work("ada")
    assert nl.json("operator", "confirm", "eve")["key"] == joined["key"]
    made.work("eve")
    assert nl.json("login", "--status")["roles"] == ["analyst"]
    assert nl.error("operator", "join", "eve")[0] == "no-password"


def test_who_forgot_the_password_is_reset(nl: Home, office: Opens, tmp_path: Path) -> None:
    made = office(nl)
    again = nl.json("operator", "reset", "ann")
    states = {each["name"]: each["status"] for each in nl.json("operator", "list")["operators"]}
    assert states == {"ada": "active", "ann": "invited", "apo": "active"}
    assert nl.error("login", "ann", "--password-file", made.file("ann"))[0] == "operator-disabled"
    (tmp_path / "code").write_text(again["code"])
    (tmp_path / "new").write_text("ann's other long password\n")
    words = ("--code-file", str(tmp_path / "code"), "--password-file", str(tmp_path / "new"))
    nl.json("operator", "join", "ann", *words)
    assert nl.json("operator", "confirm", "ann")["status"] == "active"
    nl.json("login", "ann", "--password-file", str(tmp_path / "new"))


def test_the_last_approver_stays(nl: Home, office: Opens) -> None:
    made = office(nl)
    for words in (("disable", "apo"), ("reset", "apo")):
        code, exit_code, hint = nl.error("operator", *words)
        assert (code, exit_code) == ("last-of-role", 4)
        assert "psihash operator add NAME --role approver" in hint
    assert nl.json("operator", "disable", "apo", "--force")["status"] == "disabled"
    adding = ("operator", "add", "abe", "--role", "approver", "--password-file", made.file("abe"))
    code, _, hint = nl.error(*adding)
    assert code == "no-approver"
    assert "new home" in hint


def test_an_agreement_by_four_people(
    nl: Home, de: Home, office: Opens, plain_list: Path, tmp_path: Path
) -> None:
    for home in (nl, de):
        home.json("import", str(plain_list), "--collection", "cases")
    one = office(nl)
    one.work("ann")
    asked = nl.json(*propose("de-bka"))
    assert set(asked) == {"request", "agreement", "peer", "notes"}
    assert "an approver has to decide" in nl.run(*propose("de-bka")).stdout
    one.work("apo")
    waiting = nl.json("inbox")["requests"]
    assert [each["asked_by"] for each in waiting] == ["ann", "ann"]
    assert "propose" in nl.run("inbox").stdout
    page = nl.run("approve", asked["request"][:12], "--show").stdout
    for heading in ("What we learn", "What they learn", "How much of the budget is used"):
        assert heading in page
    out = tmp_path / "page.html"
    nl.json("approve", asked["request"], "--html", str(out))
    assert "<h2>What we learn</h2>" in out.read_text()
    assert len(nl.json("inbox")["requests"]) == 2
    nl.json("approve", asked["request"], "--reason", "fits")
    (second,) = nl.json("inbox")["requests"]
    nl.json("refuse", second["request"], "--reason", "once is enough")
    assert nl.json("inbox")["requests"] == []
    states = {each["state"] for each in nl.json("inbox", "--all")["requests"]}
    assert states == {"approved", "refused"}

    other = office(de)
    carried(nl, de)
    other.work("apo")
    (terms,) = de.json("inbox")["requests"]
    assert (terms["kind"], terms["asked_by"]) == ("agreement", "the peer")
    assert "agreement take-up" in de.run("approve", terms["request"], "--show").stdout
    assert de.error("approve", terms["request"])[0] == "no-reason"
    assert de.error("approve", terms["request"], "--reason", "fits")[0] == "not-taken-up"
    other.work("ann")
    assert "agreement take-up" in de.run("agreement", "show", terms["agreement"]).stdout
    words: tuple[str, ...] = (terms["agreement"], "--collection", "cases", "--case", "OURS-7")
    assert de.error("agreement", "take-up", *words)[0] == "own-words-missing"
    words += ("--legal-basis", "BKAG")
    taken_up = de.json("agreement", "take-up", *words)
    assert taken_up["agreement"] == terms["agreement"]
    other.work("apo")
    assert "OURS-7" in de.run("approve", taken_up["request"], "--show").stdout
    approve = ("agreement", "approve", terms["agreement"])
    assert de.error(*approve, "--collection", "cases")[0] == "chosen-already"
    assert de.error(*approve)[0] == "no-reason"
    said = de.run(*approve, "--reason", "fits")
    assert f"agreement nl-police agreement {terms['agreement'][:12]}; asked by ann" in said.stderr
    carried(nl, de)
    for home in (nl, de):
        (agreement,) = home.json("agreement", "list")["agreements"]
        assert agreement["status"] == "active"


def test_at_a_terminal_the_page_stands_before_the_questions(
    nl: Home, de: Home, office: Opens, plain_list: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nl.json("import", str(plain_list), "--collection", "cases")
    made = office(nl)
    made.work("ann")
    asked = nl.json(*propose("de-bka"))
    made.work("apo")
    monkeypatch.setattr(Shell, "ask", property(lambda self: self.ask_line))
    empty = nl.run("approve", asked["request"], stdin="\n")
    assert "no-reason" in empty.stderr
    said = nl.run("approve", asked["request"], stdin="it fits\n")
    assert said.stderr.index("What is asked") < said.stderr.index("Why yes")
    decision = nl.json("inbox", "--all")["requests"][0]
    assert (decision["state"], decision["reason"]) == ("approved", "it fits")


def test_who_asked_cannot_approve(nl: Home, office: Opens, plain_list: Path) -> None:
    nl.json("import", str(plain_list), "--collection", "cases")
    made = office(nl)
    made.work("ann")
    asked = nl.json(*propose("de-bka"))
    assert nl.error("approve", asked["request"])[:2] == ("role-required", 5)
    assert nl.error("approve", "ffffff")[0] == "role-required"


def test_the_single_operator_has_an_inbox_too(nl: Home) -> None:
    assert nl.json("inbox")["requests"] == []
    assert "Nothing waits" in nl.run("inbox").stdout
    assert nl.error("approve", "ffffff")[:2] == ("unknown-request", 3)
    assert nl.error("refuse", "ffffff", "--reason", "no")[0] == "unknown-request"


# -- every command -------------------------------------------------------------------------------

READING = {
    "agreement export", "agreement list", "agreement show", "audit incident list", "audit verify",
    "bench", "central status",
    "collection list", "collection show", "doctor", "formats", "inbox", "ledger",
    "operator list", "peer card", "peer list", "session list", "status",
}  # fmt: skip
"""They look at what is there, and at no result of a session."""

OPEN = {
    "audit compare": "works on two files, without a home",
    "audit cosign": "carries heads of logs, as every contact does",
    "db status": "looks at a store that may be too old to know who people are",
    "db upgrade": "is the operating system's user's: before it nobody can log in",
    "init": "makes the home: there is nobody yet",
    "login": "is how one becomes somebody",
    "logout": "takes rights away",
    "console": "has operators log in with the browser",
    "operator join": "is how one becomes somebody: it needs a code",
    "peer sync": "carries what was decided",
    "serve": "acts by rules, as a node",
    "watch scheduler": "runs what was approved, by rules",
    "witness": "cosigns the logs of others by rules, as a node",
}
"""They need nobody to be logged in, for a reason."""

GUARDED = {
    "agreement approve": ["0" * 64, "--collection", "x"],
    "agreement import": ["FILE"],
    "agreement propose": propose("de-bka")[2:],
    "agreement refuse": ["0" * 64],
    "agreement revoke": ["0" * 64],
    "agreement take-up": ["0" * 64, "--collection", "x"],
    "approve": ["000000"],
    "audit export": ["--out", "OUT"],
    "audit incident resolve": ["000000", "--reason", "x"],
    "audit session": ["000000"],
    "audit show": [],
    "central contributions": [],
    "central executor-keys": ["--host", "localhost"],
    "central init": [],
    "central publish": [],
    "central rotate": [],
    "collection remove": ["x"],
    "contribute": ["000000", "--yes"],
    "correction list": [],
    "correction notify": ["--digest", "0" * 32, "--reason", "wrong", "--text", "x"],
    "correction resolve": ["000000", "--action", "removed", "--text", "x"],
    "correction show": ["000000"],
    "export": ["000000", "--format", "csv", "--out", "OUT"],
    "followup answer": ["000000", "--granted", "--attach-note", "x"],
    "followup inform": ["000000", "--text", "x"],
    "followup list": [],
    "followup outcome": ["000000", "--outcome", "lead"],
    "followup request": ["000000", "--all-confirmed", "--facts", "x", "--reasons", "x"],
    "followup show": ["000000"],
    "followup withdraw": ["000000", "--reason", "x"],
    "import": ["LIST", "--collection", "x"],
    "lookup": ["0" * 32],
    "match": ["de-bka", "--agreement", "0" * 64],
    "operator add": ["x", "--role", "analyst", "--password-file", "FILE"],
    "operator confirm": ["x"],
    "operator disable": ["x"],
    "operator invite": ["x", "--role", "analyst"],
    "operator reset": ["x"],
    "operator passwd": ["--password-file", "FILE", "--new-password-file", "FILE"],
    "peer add": ["CARD", "--fingerprint", "x"],
    "peer resume": ["de-bka"],
    "peer revoke": ["de-bka"],
    "peer suspend": ["de-bka"],
    "preflight": ["de-bka", "--agreement", "0" * 64],
    "refuse": ["000000", "--reason", "x"],
    "renew": [],
    "session cancel": ["000000"],
    "session show": ["000000"],
    "hit confirm": ["000000", "--all", "--reason", "x"],
    "hit list": [],
    "hit reject": ["000000", "--all", "--reason", "x"],
    "retention": [],
    "statistics": [],
    "watch add": [
        "de-bka",
        "--agreement",
        "0" * 64,
        "--collection",
        "x",
        "--cron",
        "0 2 * * *",
        "--tz",
        "UTC",
    ],
    "watch list": [],
    "watch pause": ["000000"],
    "watch remove": ["000000"],
    "watch result": ["000000"],
    "watch resume": ["000000"],
    "watch run": ["000000"],
    "watch show": ["000000"],
}
"""Words that reach the node's use case of each."""


def leaves(command: click.Command, words: tuple[str, ...] = ()) -> Iterator[str]:
    if not isinstance(command, click.Group):
        yield " ".join(words)
        return
    for name in command.list_commands(click.Context(command)):
        found = command.get_command(click.Context(command), name)
        assert found is not None
        yield from leaves(found, (*words, name))


def test_every_command_is_guarded_or_said_to_be_open() -> None:
    named = READING | OPEN.keys() | GUARDED.keys()
    assert set(leaves(cli)) - named == set()
    assert named <= set(leaves(cli))
    assert len(USE_CASES) > 10


@pytest.fixture
def empty_office(office: Opens, nl: Home, tmp_path: Path) -> Home:
    """An agency with operators where nobody is logged in."""
    made = office(nl)
    (tmp_path / "LIST").write_text("0" * 31 + "1\n")
    (tmp_path / "FILE").write_text(Path(made.file("ann")).read_text())
    nl.json("logout")
    return nl


@pytest.mark.parametrize("name", GUARDED)
def test_nothing_is_decided_or_changed_while_nobody_is_logged_in(
    empty_office: Home, de: Home, name: str, tmp_path: Path
) -> None:
    places = {"LIST": tmp_path / "LIST", "FILE": tmp_path / "FILE", "OUT": tmp_path / "out.csv",
              "CARD": de.card}  # fmt: skip
    words = [str(places.get(word, word)) for word in GUARDED[name]]
    result = empty_office.run(*name.split(), *words)
    assert "code: login-required" in result.stderr, (result.stdout, result.stderr)
    assert not (tmp_path / "out.csv").exists()


def test_the_log_names_who_and_when(nl: Home, office: Opens) -> None:
    made = office(nl)
    nl.json("peer", "suspend", "de-bka")
    made.work("ann")
    shown = nl.json("audit", "show")["entries"]
    changed = [each for each in shown if each["event"] == "peer-changed"][-1]
    assert changed["local"]["actor"]["name"] == "ada"
    logins = [each["local"]["operator"] for each in shown if each["event"] == "login"]
    assert len(set(logins)) == 2
    assert "password" not in json.dumps(shown).replace('"authentication": "password"', "")
