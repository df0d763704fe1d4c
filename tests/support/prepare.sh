#!/usr/bin/env bash
# What the tests need beside Python packages: Chromium from the system, and two files out of npm packages.
set -euo pipefail
cd "$(dirname "$0")/../.."

# The headless shell draws the same pages with a good part less work than the whole browser.
has_chromium() {
  for name in chromium-headless-shell chromium chromium-browser google-chrome; do
    if command -v "$name" >/dev/null; then return 0; fi
  done
  return 1
}

install_debian() {
  if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
    echo "Installing $* …"
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$@" >/dev/null
  else
    echo "The browser tests need $*: install it and run 'make test' again." >&2
    exit 1
  fi
}

has_chromium || install_debian chromium-headless-shell || install_debian chromium
if [ ! -f tests/npm/node_modules/.package-lock.json ] || [ tests/npm/package-lock.json -nt tests/npm/node_modules/.package-lock.json ]; then
  command -v npm >/dev/null || install_debian npm
  npm ci --prefix tests/npm --silent --no-audit --no-fund
  touch tests/npm/node_modules/.package-lock.json
fi
