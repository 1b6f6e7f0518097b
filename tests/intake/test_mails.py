"""Mails: attachments are read, archives among them, and hostile mails do no harm."""

from email.message import EmailMessage

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deepdx_core.intake.archives.kinds import read_archive, recognize_archive
from deepdx_core.intake.survey import survey
from tests.support.archives import BANK, OTHER_BANK, make_zip, read_members


def make_mail(*attachments, text="Here are my banks.\n"):
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "a@example.org", "b@example.org", "DX7 banks"
    mail.set_content(text)
    for name, data in attachments:
        mail.add_attachment(data, maintype="application", subtype="octet-stream", filename=name)
    return mail.as_bytes()


def test_attachments_and_archives_among_them_are_read():
    found = read_members(make_mail(("1.syx", BANK), ("banks.zip", make_zip(("2.syx", OTHER_BANK)))))
    assert found["1.syx"] == BANK
    assert found["banks.zip/2.syx"] == OTHER_BANK
    assert found["part 2"] == b"Here are my banks.\n"


@pytest.mark.parametrize("encoding", ["7bit", "quoted-printable", "base64"])
def test_a_dump_in_the_text_of_a_mail_is_read(home, encoding):
    mail = EmailMessage()
    mail["From"], mail["Subject"] = "a@example.org", "DX7 bank"
    mail.set_content("> " + BANK.hex(" ", 16).replace(" ", "\n> "), cte=encoding)
    (home.inbox / "mail.eml").write_bytes(mail.as_bytes())
    (home.inbox / "list.mbox").write_bytes(
        b"From a@example.org Sat Jan  1 00:00:00 2000\n" + make_mail(("1.syx", BANK))
    )
    rows = survey(home.inbox).raw_files
    assert rows.filter(rows["path"] == "mail.eml")["voices"].sum() == 32
    assert rows.filter(rows["path"] == "list.mbox")["voices"].sum() == 32


def test_a_mail_of_many_parts_within_parts_is_refused():
    data = b"MIME-Version: 1.0\n" + b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(500)
    )
    assert read_members(data) == {"*": "a mail with more than 100 boundaries, not read"}


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_changed_mails_never_raise(data):
    mail = bytearray(make_mail(("1.syx", BANK[:400]), ("2.zip", make_zip(("a", b"b")))))
    for _ in range(data.draw(st.integers(1, 6))):
        mail[data.draw(st.integers(0, len(mail) - 1))] = data.draw(st.integers(0, 255))
    for content in read_archive(bytes(mail)) if recognize_archive(bytes(mail)) else ():
        assert content.member
