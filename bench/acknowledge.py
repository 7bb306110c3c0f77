#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A program that stays and answers for each event: acknowledge.py FILE

The events of its standard input, lines of JSON, are in FILE before it says OK.
"""

import json
import sys


def main():
    with open(sys.argv[1], "ab", buffering=0) as taken:
        for line in sys.stdin.buffer:
            taken.write(line)
            print("OK", json.loads(line)["id"], flush=True)


if __name__ == "__main__":
    main()
