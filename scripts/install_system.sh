#!/usr/bin/env bash
# Installs what the distribution has to give: QGIS >= 3.40 with its Python, Xvfb, venv. Does nothing where all
# of it is there. Debian 12 takes QGIS from its backports, newer Debian and Ubuntu from their own archive.
set -euo pipefail

say() { printf '==> %s\n' "$*"; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

qgis_version() { QT_QPA_PLATFORM=offscreen qgis_process --version 2>/dev/null | sed -n 's/^QGIS \([0-9.]*\).*/\1/p'; }
at_least() { [ -n "$1" ] && [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]; }
has_qgis() { command -v qgis_process >/dev/null && /usr/bin/python3 -c 'import qgis.core' 2>/dev/null && at_least "$(qgis_version)" 3.40; }
has_tools() { command -v xvfb-run >/dev/null && command -v xdotool >/dev/null && /usr/bin/python3 -c 'import ensurepip, venv' 2>/dev/null; }

if has_qgis && has_tools; then
  say "QGIS $(qgis_version) and the system tools are there"
  exit 0
fi

command -v apt-get >/dev/null ||
  die "this is not Debian or Ubuntu: install QGIS 3.40 or newer, python3-venv and Xvfb yourself (see docs/using/install.md), then run this again"
if [ "$(id -u)" -eq 0 ]; then sudo=(); else
  command -v sudo >/dev/null || die "run this as root, or install sudo"
  sudo=(sudo)
fi
export DEBIAN_FRONTEND=noninteractive
apt_install() { "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@" >/dev/null; }

say "updating the package lists"
"${sudo[@]}" apt-get update -q >/dev/null

# Backports live on the mirror that the machine already uses, signed by Debian's own key.
add_backports() {
  local codename=$1 uri
  uri=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' "Codename: $codename" | head -n 1)
  [ -n "$uri" ] || die "no mirror for Debian $codename is set up on this machine: add one to /etc/apt, then run this again"
  printf 'Types: deb\nURIs: %s\nSuites: %s-backports\nComponents: main\nSigned-By: %s\n' \
    "$uri" "$codename" /usr/share/keyrings/debian-archive-keyring.gpg |
    "${sudo[@]}" tee "/etc/apt/sources.list.d/$codename-backports.sources" >/dev/null
  "${sudo[@]}" apt-get update -q >/dev/null
}

if ! has_qgis; then
  . /etc/os-release
  from=()
  if [ "${ID:-}" = debian ] && [ "${VERSION_CODENAME:-}" = bookworm ]; then
    apt-cache policy | grep -q 'a=stable-backports\|n=bookworm-backports' || {
      say "adding Debian's backports"
      add_backports bookworm
    }
    from=(-t bookworm-backports)
  fi
  candidate=$(apt-cache "${from[@]}" policy qgis | sed -n 's/^ *Candidate: *//p' | sed 's/^[0-9]*://')
  at_least "$candidate" 3.40 ||
    die "this distribution offers QGIS ${candidate:-none}, and 3.40 or newer is needed: add the QGIS project's own repository (qgis.org, download page), then run this again"
  say "installing QGIS $candidate"
  apt_install "${from[@]}" qgis python3-qgis qgis-providers
fi
say "installing Xvfb, xdotool and venv"
apt_install xvfb xauth xdotool python3-venv
has_qgis || die "QGIS was installed but does not start: run 'qgis_process --version' to see why"
say "QGIS $(qgis_version) is ready"
