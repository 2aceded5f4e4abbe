"""How is a report kept as files that open without a mail program?"""

from base64 import b64encode
from pathlib import Path

from flows.report.rendered import Report

FOLDER_MODE, FILE_MODE = 0o750, 0o640  # names of drivers and days of vans: for a group, not for all


def standalone_html(report: Report) -> str:
    """Return the page for a browser: one file, pictures inside."""
    html = report.html
    for content_id, png in report.images.items():
        html = html.replace(f"cid:{content_id}", f"data:image/png;base64,{b64encode(png).decode('ascii')}")
    return html


def save(report: Report, folder: Path) -> list[Path]:
    """Write page, text, pictures and attachments into `folder`; returns the paths, the page first."""
    whose = f"{file_name(report.tenant_id)}-" if report.tenant_id else ""
    stem = f"{report.report}-{whose}{report.period.key}"
    files = {f"{stem}.html": standalone_html(report).encode(), f"{stem}.txt": report.text.encode()}
    files |= {f"{stem}-{content_id.partition('@')[0]}.png": png for content_id, png in report.images.items()}
    files |= {f"{stem}-{file_name(name)}": content for name, content in report.attachments.items()}
    folder.mkdir(parents=True, exist_ok=True, mode=FOLDER_MODE)
    for name, content in files.items():
        (folder / name).touch(FILE_MODE)
        (folder / name).chmod(FILE_MODE)
        (folder / name).write_bytes(content)
    return [folder / name for name in files]


def file_name(text: str) -> str:
    """Return text as part of a file name: a tenant's name comes from a topic and must not leave the folder."""
    return "".join(letter if letter.isalnum() or letter in "-_." else "_" for letter in text).lstrip(".") or "_"
