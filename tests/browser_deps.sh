#!/bin/sh
# The browser that the tests drive: Debian's chromium, through apt where that is possible.
if command -v chromium-headless-shell >/dev/null 2>&1; then exit 0; fi
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
  apt-get update -qq
  for package in chromium-headless-shell chromium; do
    apt-get install -y -qq --no-install-recommends "$package" fonts-noto-core && exit 0
  done
fi
if command -v chromium >/dev/null 2>&1; then exit 0; fi
echo "chromium is not here and cannot be installed: the browser tests will be skipped" >&2
