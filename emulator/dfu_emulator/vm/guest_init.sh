#!/bin/busybox sh
# The first program of the guest. Whatever happens, the machine ends with it.
/bin/busybox --install -s /bin
trap 'reboot -f' EXIT
. /settings

mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
for module in /modules/*; do
    insmod "$module"
done

# The host's files, read-only, under a layer of our own.
nine='trans=virtio,version=9p2000.L,msize=262144'
mount -t 9p -o "$nine,cache=loose,ro" host /lower || exit
mount -t tmpfs -o size=75% upper /upper
mkdir /upper/files /upper/work
mount -t overlay -o lowerdir=/lower,upperdir=/upper/files,workdir=/upper/work root /new || exit
for folder in proc sys dev; do
    mount -o move "/$folder" "/new/$folder"
done
mount -t tmpfs run /new/run
mkdir -p /new/dev/shm /new/dev/pts "/new$share" /new/lib/modules
mount -t tmpfs shm /new/dev/shm
mount -t devpts pts /new/dev/pts
mount -t 9p -o "$nine" share "/new$share" || exit
[ -e "/new/lib/modules/$release" ] || ln -s "$modules" "/new/lib/modules/$release"

export PATH=/usr/sbin:/usr/bin:/sbin:/bin
ifconfig lo up
for module in usbmon libcomposite usb_f_fs raw_gadget 'dummy_hcd is_high_speed=0'; do
    # shellcheck disable=SC2086 # a name and its parameters
    chroot /new modprobe $module
done
mount -t configfs configfs /new/sys/kernel/config
mount -t debugfs debugfs /new/sys/kernel/debug 2>/dev/null
cat /new/sys/kernel/debug/usb/usbmon/0u >"/new$share/usbmon" &

stty raw -echo <>/dev/hvc0 2>/dev/null
chroot /new /bin/sh "$share/command" </dev/null >/new/dev/hvc0 2>&1
echo $? >"/new$share/code"
sync
