"""Write the template's own files of a project again, as its record says, for `make update-template`."""

import json
import sys
from pathlib import Path

from extras.new.limits import Limit
from extras.new.template import check_words, tidy, write_template


def main() -> None:
    """Write them into a new folder."""
    record, folder = map(Path, sys.argv[1:])
    content = json.loads(record.read_text(encoding="utf-8"))
    limits = [Limit(*each) for each in content["limits"]]
    for name in write_template(folder, content["name"], tuple(content["extras"]), limits):
        print(f"update    the template has no limit {name} any more")
    tidy(folder)
    check_words(folder)


if __name__ == "__main__":
    main()
