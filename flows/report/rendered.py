"""What is a finished report?"""

from datetime import date
from typing import NamedTuple


class Report(NamedTuple):
    """One report about one tenant and period; the same for every recipient.

    html         css inlined, pictures referenced as `cid:<key of images>`
    text         the same content without pictures
    images       content id -> PNG
    attachments  file name -> bytes
    """

    report: str
    tenant_id: str
    service_date: date
    subject: str
    html: str
    text: str
    images: dict[str, bytes]
    attachments: dict[str, bytes]
