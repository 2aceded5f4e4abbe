"""Repeat each `name[extra]==version` of a lock file as `name==version`.

pip before 23.3 does not see that the first also pins the second, and then refuses the file for want of hashes.
"""

import re
import sys
from pathlib import Path

lock = Path(sys.argv[1])
requirements = re.split(r"\n(?=\S)", lock.read_text().strip())
for place, requirement in reversed(list(enumerate(requirements))):
    if found := re.match(r"([A-Za-z0-9_.-]+)\[[^\]]*\](.*)", requirement, re.DOTALL):
        requirements.insert(place + 1, found[1] + found[2])
lock.write_text("\n".join(requirements) + "\n")
