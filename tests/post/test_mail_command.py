"""`odograph mail`: what is listed, checked, taken off and taken back, and what `status` says of it."""

import pytest
from typer.testing import CliRunner

from flows.cli import app
from flows.post.bounces import note_bounce
from flows.post.mailed import recipients_finding
from flows.post.recipients import recipients
from flows.post.unsubscribing import unsubscribe_urls
from flows.settings import Settings

FILE = """
[[recipient]]
address = "Owner <owner@northwind.example>"
report = "daily"
tenant = ["northwind", "nordwind"]
timezone = "Europe/Berlin"
send_empty = false
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ODOGRAPH_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "200")
    (tmp_path / "recipients.toml").write_text(FILE)
    return tmp_path


def mail(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["mail", *arguments])
    return result.exit_code, result.stdout, result.stderr


def settings_at(folder) -> Settings:
    return Settings(_env_file=None, data_dir=folder)


def test_recipients_are_listed_with_what_they_get_when_on_their_clock_and_how(folder):
    status, out, _ = mail("recipients", "--tenant", "nordwind")
    rows = [line.split("  ") for line in out.splitlines()]
    cells = [cell.strip() for cell in rows[1] if cell.strip()]
    assert status == 0
    assert len(rows) == 2
    assert cells[:3] == ["Owner <owner@northwind.example>", "daily of nordwind", "0 6 * * *"]
    assert cells[3].endswith("06:00 Europe/Berlin")
    assert cells[4:] == ["us, en_US; html, text, xlsx, csv; no empty ones", "active"]


def test_a_file_is_checked_and_its_faults_end_with_status_2(folder):
    status, out, _ = mail("check")
    assert (status, out.splitlines()[0]) == (0, f"{folder / 'recipients.toml'}: fits, 1 entry")
    assert out.count("note: line 2: nothing is published of tenant") == 2
    other = folder / "other.toml"
    other.write_text("[[recipient]]\nadress = 'a@b.example'\nreport = 'network'\n")
    status, out, err = mail("check", str(other))
    assert (status, out) == (2, "")
    assert f"{other}: line 2: unknown adress; did you mean address?" in err


def test_who_is_taken_off_by_command_is_back_by_command_only(folder):
    asked = ("--address", "OWNER@northwind.example", "--tenant", "nordwind", "--why", "ticket 88")
    assert mail("unsubscribe", *asked) == (0, "unsubscribed owner@northwind.example: daily of nordwind\n", "")
    assert "unsubscribed since" in (listed := mail("recipients")[1])
    assert "ticket 88" in listed
    assert mail("subscribe", "--address", "owner@northwind.example")[1] == (
        "owner@northwind.example gets daily of nordwind again\n"
    )
    assert mail("subscribe", "--address", "owner@northwind.example", "--tenant", "northwind")[1] == (
        "owner@northwind.example gets daily of northwind already\n"
    )
    assert "unsubscribed" not in mail("recipients")[1]


def test_a_token_is_taken_with_its_link_or_alone(folder):
    (one, other) = recipients(settings_at(folder), [])
    token = unsubscribe_urls(settings_at(folder), one).mailto.rpartition("%20")[2]
    assert mail("unsubscribe", token)[1] == "unsubscribed owner@northwind.example: daily of northwind\n"
    link = unsubscribe_urls(settings_at(folder).model_copy(update={"base_url": "https://a.example"}), other).https
    assert mail("unsubscribe", str(link))[1] == "unsubscribed owner@northwind.example: daily of nordwind\n"
    assert mail("unsubscribe", "made.up")[::2] == (1, "that is no token of this data directory\n")


def test_an_address_with_a_slip_is_refused_and_what_was_meant_is_said(folder):
    status, _, err = mail("unsubscribe", "--address", "owner@nothwind.example")
    assert (status, "did you mean owner@northwind.example?" in err) == (1, True)
    assert mail("unsubscribe")[0] == 2
    assert mail("unsubscribe", "token", "--report", "daily")[0] == 2


def test_status_counts_recipients_and_an_address_that_is_dead_needs_a_person(folder):
    assert recipients_finding(settings_at(folder))[1:] == ("2 active", False)
    mail("unsubscribe", "--address", "owner@northwind.example", "--tenant", "nordwind")
    assert recipients_finding(settings_at(folder))[1:] == ("1 active, 1 unsubscribed", False)
    note_bounce(settings_at(folder), recipients(settings_at(folder), [])[0].key, "550 5.1.1 no such mailbox")
    text = recipients_finding(settings_at(folder))
    assert text.needs_person
    assert text.text.startswith("0 active, 1 unsubscribed, 1 bounced (owner@northwind.example): correct the address")
    (folder / "recipients.toml").write_text('[[recipient]]\naddress = "a@b.example"\nreport = "daily"\ntenant = "*"')
    assert "nothing is published" in recipients_finding(settings_at(folder)).text
    (folder / "recipients.toml").write_text("[[recipient]]\n")
    assert recipients_finding(settings_at(folder))[1:] == ("2 faults: run `odograph mail check`", True)


def test_mails_on_standard_input_are_read(folder):
    stop = b"From: owner@northwind.example\nSubject: stop\n\n"
    result = CliRunner().invoke(app, ["mail", "read", "-"], input=stop)
    assert result.output.splitlines()[-1] == "1 mail read: 2 unsubscribed"
    status, out, err = mail("read", str(folder / "nothing"))
    assert (status, out, err) == (
        1, "0 mails read: nothing\n", f"cannot read {folder / 'nothing'} (No such file or directory)\n",
    )  # fmt: skip


def test_the_page_is_not_served_where_no_mail_links_to_it(folder):
    assert mail("serve")[::2] == (2, "ODOGRAPH_BASE_URL is not set, so no mail has a link to this page\n")


def test_where_nobody_is_mailed_it_is_said_how_to_begin(folder):
    (folder / "recipients.toml").unlink()
    begin = "nobody: set ODOGRAPH_MAIL_TO, or write recipients.toml (docs/mail.md)"
    assert mail("recipients")[1] == f"{begin}\n"
    assert recipients_finding(settings_at(folder))[1:] == (begin, False)
