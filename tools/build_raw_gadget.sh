#!/bin/sh
# Builds the kernel module raw_gadget for the running kernel and loads it. Debian leaves the module out of
# its kernels; this takes it from Debian's package of the kernel's source. Run it as root.
set -eu

release=$(uname -r)
series=$(echo "$release" | cut -d. -f1,2)
source=linux-source-$series

fail() {
    echo "build_raw_gadget: $1" >&2
    exit 1
}

modprobe raw_gadget 2>/dev/null && {
    echo "raw_gadget is there and loaded"
    exit 0
}
[ "$(id -u)" -eq 0 ] || fail "run this as root"
command -v apt-get >/dev/null || fail "this is for Debian; elsewhere build drivers/usb/gadget/legacy/raw_gadget.c"

apt-get install -y --no-install-recommends "linux-headers-$release" "$source" make gcc xz-utils ||
    fail "apt has no headers or source for $release: if a newer kernel is installed, boot it"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tar -xJOf "/usr/src/$source.tar.xz" --occurrence=1 "$source/drivers/usb/gadget/legacy/raw_gadget.c" \
    >"$work/raw_gadget.c"
echo 'obj-m := raw_gadget.o' >"$work/Makefile"
# Without type information for BPF, which would need one more tool (pahole).
make -C "/lib/modules/$release/build" M="$work" CONFIG_DEBUG_INFO_BTF_MODULES= modules

folder=/lib/modules/$release/updates
mkdir -p "$folder"
install -m 644 "$work/raw_gadget.ko" "$folder/"
depmod "$release"
modprobe raw_gadget || fail "the module does not load: with Secure Boot it would have to be signed"
echo "raw_gadget is built, installed in $folder and loaded"
