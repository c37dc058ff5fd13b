/* A host that asks a DFU device as fast as it can: ioctls of the kernel's usbfs, and nothing between.
 *
 * Usage: client DEVICE (getstatus | upload | dnload) COUNT. Says how many seconds COUNT rounds took. A round of
 * upload is one block; one of dnload is a block, for erased flash, and the two GETSTATUS that it needs.
 */

#include <fcntl.h>
#include <linux/usbdevice_fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>

#define TRANSFER_SIZE 2048
#define FIRST_BLOCK 2
#define MASS_ERASE 0x41

enum request { DETACH, DNLOAD, UPLOAD, GETSTATUS, CLRSTATUS, GETSTATE, ABORT };
enum state { IDLE = 2, DNLOAD_SYNC, DNBUSY, DNLOAD_IDLE, ERROR = 10 };

static int device;
static unsigned char data[TRANSFER_SIZE];

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static void transfer(int type, enum request request, int value, int length)
{
	struct usbdevfs_ctrltransfer setup = { type, request, value, 0, length, 5000, data };

	if (ioctl(device, USBDEVFS_CONTROL, &setup) != length)
		fail("client: transfer");
}

static enum state get_status(void)
{
	transfer(0xa1, GETSTATUS, 0, 6);
	return data[4];
}

static void to_idle(void)
{
	enum state state;

	while ((state = get_status()) != IDLE)
		transfer(0x21, state == ERROR ? CLRSTATUS : ABORT, 0, 0);
}

static void upload(int block)
{
	transfer(0xa1, UPLOAD, block, TRANSFER_SIZE);
}

static void dnload(int block, int length)
{
	transfer(0x21, DNLOAD, block, length);
	if (get_status() != DNBUSY || get_status() != DNLOAD_IDLE) {
		fputs("client: DNLOAD failed\n", stderr);
		exit(1);
	}
}

int main(int argc, char **argv)
{
	struct timespec start, end;
	unsigned int interface = 0;

	if (argc != 4)
		return 2;
	device = open(argv[1], O_RDWR);
	if (ioctl(device, USBDEVFS_CLAIMINTERFACE, &interface) < 0)
		fail(argv[1]);
	to_idle();
	if (!strcmp(argv[2], "dnload")) {
		data[0] = MASS_ERASE;
		dnload(0, 1);
	}
	clock_gettime(CLOCK_MONOTONIC, &start);
	for (int round = 0; round < atoi(argv[3]); round++) {
		if (!strcmp(argv[2], "upload"))
			upload(FIRST_BLOCK + round);
		else if (!strcmp(argv[2], "dnload"))
			dnload(FIRST_BLOCK + round, TRANSFER_SIZE);
		else
			get_status();
	}
	clock_gettime(CLOCK_MONOTONIC, &end);
	to_idle();
	printf("%.6f\n", (end.tv_sec - start.tv_sec) + (end.tv_nsec - start.tv_nsec) / 1e9);
	return 0;
}
