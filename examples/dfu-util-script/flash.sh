#!/bin/sh
# Flash the board on the bench, and note how it went: flash.sh FIRMWARE JOURNAL
#
# Writes FIRMWARE with dfu-util, reads it back and compares. A board that drops off the bus is tried once more.
# Adds a line to JOURNAL: PASS or FAIL, and why. Exits with 0 for PASS and 1 for FAIL.
set -u
firmware=$1
journal=$2
address=0x08000000
size=$(wc -c <"$firmware")
copy=$(mktemp -u) # dfu-util wants to make the file itself
trap 'rm -f "$copy"' EXIT

attempt() {
    rm -f "$copy"
    dfu-util -w -d 0483:df11 -a 0 -s "$address" -D "$firmware" || { why="not written"; return 1; }
    dfu-util -d 0483:df11 -a 0 -s "$address:$size" -U "$copy" || { why="not read back"; return 1; }
    cmp -s "$firmware" "$copy" || { why="read back as something else"; return 1; }
}

if attempt || { echo "flash.sh: $why, trying again" >&2; attempt; }; then
    echo "PASS" >>"$journal"
else
    echo "FAIL $why" >>"$journal"
    exit 1
fi
