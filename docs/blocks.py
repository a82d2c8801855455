"""The marked blocks of a page: what docs/generate.py makes again, and what notebooks are made from."""

import re

BLOCK = re.compile(
    r"(<!-- (table|run|fails|include|python|raises)( folded)?(?:: (.+?))? -->\n)(.*?)<!-- end -->", re.DOTALL
)
CODE = re.compile(r"```python\n(.*?)```\n", re.DOTALL)
