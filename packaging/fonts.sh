#!/bin/sh
# Make desktop/howdah_desktop/window/assets/fonts from the released Inter, as small as sensible.
#
# For maintainers only; needs npm. What is left out: scripts that Inter has few letters for, alternate
# shapes that nothing asks for, and `calt`: it draws an arrow for "->", and the name of a file is shown
# as it is.
#
# The family is renamed: an Inter that the user has installed, older or newer, then never mixes
# with ours. (Inter's licence reserves no name.)
set -eu
cd "$(dirname "$0")/.."

release=4.1.1
target=$PWD/desktop/howdah_desktop/window/assets/fonts
tools=$(mktemp -d)
trap 'rm -rf "$tools"' EXIT

"${PYTHON:-python3}" -m venv "$tools/venv"
"$tools/venv/bin/pip" -q --disable-pip-version-check install fonttools brotli
(cd "$tools" && npm pack --silent "inter-ui@$release" >package.name && tar xzf ./*.tgz)

# Latin with its extensions, Greek, Cyrillic; punctuation, currencies, arrows, the signs of keys,
# a few of mathematics, and triangles, dots and ticks.
letters=20-7E,A0-24F,259,2B0-2FF,300-345,370-3FF,400-52F,1E00-1EFF
signs=2000-206F,2070-208E,20A0-20C0,2116,2122,2190-2199,21A9,21B5,21E7,2212,2215,2219,221E,2248
signs=$signs,2260,2264,2265,2303,2318,2325,232B,23CE,25A0,25B2,25B6,25BC,25C0,25CB,25CF,2713,2717

mkdir -p "$target"
cp "$tools/package/LICENSE.txt" "$target/LICENSE-Inter.txt"
for face in Regular Medium SemiBold Bold; do
    "$tools/venv/bin/pyftsubset" "$tools/package/web/Inter-$face.woff2" \
        --unicodes="$letters,$signs" --layout-features=ccmp,kern,locl,mark,mkmk,tnum,case \
        --no-hinting --name-IDs=0,1,2,3,4,5,6,13,14,16,17 --output-file="$tools/$face.ttf"
    "$tools/venv/bin/python" - "$tools/$face.ttf" "$target/HowdahInter-$face.ttf" <<'PYTHON'
import sys

from fontTools.ttLib import TTFont

font = TTFont(sys.argv[1])
font.flavor = None
for record in font["name"].names:
    text = record.toUnicode()
    if record.nameID in (1, 3, 4, 16):
        text = text.replace("Inter", "Howdah Inter", 1)
    elif record.nameID == 6:
        text = text.replace("Inter", "HowdahInter", 1)
    font["name"].setName(text, record.nameID, record.platformID, record.platEncID, record.langID)
font.save(sys.argv[2])
PYTHON
done
ls -l "$target"
