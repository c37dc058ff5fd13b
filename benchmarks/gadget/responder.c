/* A DFU device on FunctionFS that answers each request at once and does no work: how fast a gadget can be.
 *
 * Usage: responder EP0. It says "ready" once the kernel has its descriptors, and runs until it is killed.
 * Of DFU it has just so many states that dfu-util is content with it.
 */

#include <errno.h>
#include <fcntl.h>
#include <linux/usb/functionfs.h>
#include <stdio.h>
#include <unistd.h>

#define TRANSFER_SIZE 2048
#define LAYOUT "@Internal Flash  /0x08000000/04*016Kg,01*064Kg,07*128Kg"

enum request { DETACH, DNLOAD, UPLOAD, GETSTATUS, CLRSTATUS, GETSTATE, ABORT };
enum state { IDLE = 2, DNLOAD_SYNC, DNBUSY, DNLOAD_IDLE, UPLOAD_IDLE = 9 };

static const struct {
	struct usb_functionfs_descs_head_v2 head;
	__le32 fs_count;
	struct usb_interface_descriptor interface;
	struct {
		__u8 bLength, bDescriptorType, bmAttributes;
		__le16 wDetachTimeOut, wTransferSize, bcdDFUVersion;
	} __attribute__((packed)) functional;
} __attribute__((packed)) descriptors = {
	.head = {
		.magic = FUNCTIONFS_DESCRIPTORS_MAGIC_V2,
		.flags = FUNCTIONFS_HAS_FS_DESC,
		.length = sizeof descriptors,
	},
	.fs_count = 2,
	.interface = {
		.bLength = USB_DT_INTERFACE_SIZE,
		.bDescriptorType = USB_DT_INTERFACE,
		.bInterfaceClass = USB_CLASS_APP_SPEC,
		.bInterfaceSubClass = 1,
		.bInterfaceProtocol = 2,
		.iInterface = 1,
	},
	.functional = {
		.bLength = sizeof descriptors.functional,
		.bDescriptorType = 0x21,
		.bmAttributes = 0x0b,
		.wDetachTimeOut = 255,
		.wTransferSize = TRANSFER_SIZE,
		.bcdDFUVersion = 0x011a,
	},
};

static const struct {
	struct usb_functionfs_strings_head head;
	__le16 language;
	char layout[sizeof LAYOUT];
} __attribute__((packed)) strings = {
	.head = {
		.magic = FUNCTIONFS_STRINGS_MAGIC,
		.length = sizeof strings,
		.str_count = 1,
		.lang_count = 1,
	},
	.language = 0x0409,
	.layout = LAYOUT,
};

static ssize_t answer(int ep0, const struct usb_ctrlrequest *setup)
{
	static char data[TRANSFER_SIZE];
	static enum state state = IDLE;
	size_t length = setup->wLength < TRANSFER_SIZE ? setup->wLength : TRANSFER_SIZE;

	switch (setup->bRequest) {
	case DNLOAD:
		state = DNLOAD_SYNC;
		return read(ep0, data, length);
	case UPLOAD:
		state = UPLOAD_IDLE;
		return write(ep0, data, length);
	case GETSTATUS: {
		if (state == DNLOAD_SYNC)
			state = DNBUSY;
		else if (state == DNBUSY)
			state = DNLOAD_IDLE;
		char status[6] = { [4] = state };
		return write(ep0, status, length < 6 ? length : 6);
	}
	default:
		state = IDLE;
		return read(ep0, data, 0);
	}
}

int main(int argc, char **argv)
{
	int ep0 = argc == 2 ? open(argv[1], O_RDWR) : -1;

	if (write(ep0, &descriptors, sizeof descriptors) < 0 || write(ep0, &strings, sizeof strings) < 0) {
		perror("responder");
		return 1;
	}
	puts("ready");
	fflush(stdout);
	for (;;) {
		struct usb_functionfs_event event;

		if (read(ep0, &event, sizeof event) == sizeof event) {
			if (event.type == FUNCTIONFS_SETUP)
				answer(ep0, &event.u.setup); /* which may fail: hosts give requests up */
		} else if (errno != EIDRM) {
			perror("responder");
			return 1;
		}
	}
}
