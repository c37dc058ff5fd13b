#!/bin/busybox sh
# The first program of the guest. Whatever happens, the machine ends with it.
/bin/busybox --install -s /bin
trap 'reboot -f' EXIT
. /settings # the shared folders are our arguments now

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
mkdir -p /new/dev/shm /new/dev/pts
mount -t tmpfs shm /new/dev/shm
mount -t devpts pts /new/dev/pts
ln -s /proc/self/fd /new/dev/fd
ln -s fd/0 /new/dev/stdin
ln -s fd/1 /new/dev/stdout
ln -s fd/2 /new/dev/stderr

# The host's files that stay as they are left: without a cache, but for programs that map them.
number=0
for folder; do
    mkdir -p "/new$folder"
    mount -t 9p -o "$nine,cache=mmap" "folder$number" "/new$folder" || exit
    number=$((number + 1))
done
mkdir -p "/new$share" "/new/lib/modules/$release"
mount -t 9p -o "$nine" share "/new$share" || exit
# The host may have the same release, with less of its modules.
mount -o bind "/new$modules" "/new/lib/modules/$release"

export PATH=/usr/sbin:/usr/bin:/sbin:/bin
ifconfig lo up
for module in usbmon libcomposite usb_f_fs raw_gadget 'dummy_hcd is_high_speed=0'; do
    # shellcheck disable=SC2086 # a name and its parameters
    chroot /new /sbin/modprobe -q $module
done
mount -t configfs configfs /new/sys/kernel/config
mount -t debugfs debugfs /new/sys/kernel/debug 2>/dev/null
cat /new/sys/kernel/debug/usb/usbmon/0u >"/new$share/usbmon" &
kept=" 1 $! "

# Pipes, as a command has them on the host: a file would be cut by one that opens /dev/stdout.
for stream in output errors; do
    mkfifo "/$stream"
    cat "/$stream" >"/new$share/$stream" &
    kept="$kept$! "
    pumps="$pumps $!"
done
: >"/new$share/started"
chroot /new /bin/sh "$share/command" </dev/null >/output 2>/errors
code=$?

# What the command has left behind must not keep the pipes open.
for process in /new/proc/[0-9]*; do
    process=${process##*/}
    case $kept in
    *" $process "*) ;;
    *) kill -9 "$process" ;;
    esac
done 2>/dev/null
# shellcheck disable=SC2086 # numbers
wait $pumps
sync
echo $code >"/new$share/code"
